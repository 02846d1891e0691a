"""Clients that keep asking a real server, as people and programs do, and remember every answer."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import httpx2

from plain_http import NO_TLS

PASSWORD = "violet teapot under the stairs"
PLENTY = "1000000000/hour"
OPEN = {
    "FASTNESS_ACCOUNTS__UNSAFE_ALLOW_UNVERIFIED": "true",
    "FASTNESS_ACCOUNTS__SESSIONS_PER_USER": "1000",
    "FASTNESS_MAIL__BACKEND": "memory",
    "FASTNESS_LIMITS__PER_ADDRESS": "",
    "FASTNESS_LIMITS__PER_USER": "",
    **{
        f"FASTNESS_ACCOUNTS__THROTTLE__{name}": PLENTY
        for name in (
            "ACCOUNT", "DEVICE", "ADDRESS", "EVERYONE", "REGISTER_ADDRESS", "CODE_ADDRESS", "REFRESH_ADDRESS", "MAIL"
        )
    },
}  # fmt: skip
"""Settings of a server under load: no limit is met, and people sign in as soon as they have registered."""
KINDS = {"profile": 55, "rename": 20, "refresh": 10, "login": 8, "register": 7}
"""How often each is asked, of a hundred."""
SILENT = -503
"""What a 503 is counted as that does not say when to come back: no experiment allows it."""


def counted(status: int, retry_after: str | None) -> int:
    """The status of an answer with this Retry-After, as it is counted."""
    says = retry_after is not None and retry_after.isdecimal() and int(retry_after) > 0
    return status if status != 503 or says else SILENT


@dataclass(frozen=True, slots=True)
class Answer:
    """`status` is 0 for a connection that broke. Times are of the monotonic clock."""

    kind: str
    status: int
    began: float
    ended: float
    retry_after: str | None = None
    """Its header."""

    @property
    def counted(self) -> int:
        """Its status; `SILENT` for a 503 that does not say when to come back."""
        return counted(self.status, self.retry_after)

    @property
    def took(self) -> float:
        return self.ended - self.began


@dataclass
class Person:
    """Somebody who is signed in."""

    email: str
    access: str
    refresh: str

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.access}"}


async def person(url: str, email: str) -> Person:
    """A new account, signed in."""
    async with httpx2.AsyncClient(base_url=url, timeout=60, verify=NO_TLS) as http:
        made = await http.post("/auth/register", json={"email": email, "password": PASSWORD, "name": "Ada"})
        assert made.status_code == 202, made.text
        answer = await http.post("/auth/login", json={"email": email, "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        return Person(email, answer.json()["access_token"], answer.json()["refresh_token"])


@dataclass
class Callers:
    """`number` clients, each with an account and a connection of its own."""

    url: str
    number: int
    seed: int
    pause: float = 0.05
    """Seconds between two questions of one client, on average."""
    kinds: dict[str, int] = field(default_factory=lambda: dict(KINDS))
    answers: list[Answer] = field(default_factory=list)
    people: list[Person] = field(default_factory=list)
    _over: asyncio.Event = field(default_factory=asyncio.Event)
    _waiting: dict[int, float] = field(default_factory=dict)
    """When those asked who wait for their answer."""

    @contextlib.asynccontextmanager
    async def asking(self) -> AsyncIterator[None]:
        """Ask until the block ends; answers that are on their way are awaited."""
        if not self.people:
            for n in range(self.number):
                self.people.append(await person(self.url, f"caller{n}@example.com"))
        self._over.clear()
        async with asyncio.TaskGroup() as group:
            for n in range(self.number):
                group.create_task(self._ask(n))
            try:
                yield
            finally:
                self._over.set()

    async def answered(self, until: float, *, patience: float) -> None:
        """Come back once nobody waits who asked before `until`, or after so many seconds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience):
                while any(began < until for began in self._waiting.values()):  # noqa: ASYNC110 - they announce nothing
                    await asyncio.sleep(0.02)

    def statuses(self, *, since: float = 0.0, until: float = float("inf")) -> Counter[int]:
        """Of the questions that began in this time, as they are counted."""
        return Counter(one.counted for one in self.answers if since <= one.began < until)

    def met(self, since: float, until: float) -> list[Answer]:
        """Of the questions that somebody waited for at some time between: those on their way at its begin too."""
        return [one for one in self.answers if one.ended >= since and one.began < until]

    def slowest(self, *, since: float = 0.0, until: float = float("inf")) -> float:
        """Seconds."""
        return max((one.took for one in self.answers if since <= one.began < until), default=0.0)

    def good_again(self, since: float, until: float = float("inf")) -> float:
        """Seconds from `since` to the end of the last answer of a question asked after it that was no success.

        Ask once `asking` is over: until then a question may be unanswered. Those that began after `until` are left out.
        """
        bad = [one.ended for one in self.answers if since <= one.began < until and not 200 <= one.status < 300]
        return max(bad, default=since) - since

    async def _ask(self, n: int) -> None:
        chance, who, turn = random.Random(f"{self.seed}.{n}"), self.people[n], 0
        async with httpx2.AsyncClient(base_url=self.url, timeout=60, verify=NO_TLS) as http:
            while not self._over.is_set():
                [kind] = chance.choices([*self.kinds], [*self.kinds.values()])
                turn += 1
                began = self._waiting[n] = time.monotonic()
                status, retry_after = await self._one(http, kind, who, f"{n}-{turn}-{self.seed}")
                self.answers.append(Answer(kind, status, began, time.monotonic(), retry_after))
                del self._waiting[n]
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._over.wait(), chance.uniform(0, 2 * self.pause))

    async def _one(self, http: httpx2.AsyncClient, kind: str, who: Person, word: str) -> tuple[int, str | None]:
        try:
            answer = await http.send(http.build_request(**_request(kind, who, word)))
        except httpx2.TransportError:
            return 0, None
        if kind == "refresh" and answer.status_code == 200:
            who.refresh, who.access = answer.json()["refresh_token"], answer.json()["access_token"]
        return answer.status_code, answer.headers.get("retry-after")


def _request(kind: str, who: Person, word: str) -> dict[str, Any]:
    credentials = {"email": who.email, "password": PASSWORD}
    match kind:
        case "profile":
            return {"method": "GET", "url": "/profile", "headers": who.headers}
        case "rename":
            return {"method": "PATCH", "url": "/profile", "headers": who.headers, "json": {"name": f"Ada {word}"}}
        case "refresh":
            return {"method": "POST", "url": "/auth/refresh", "json": {"refresh_token": who.refresh}}
        case "login":
            return {"method": "POST", "url": "/auth/login", "json": credentials}
    new = {"email": f"new-{word}@example.com", "password": PASSWORD, "name": "Ada"}
    return {"method": "POST", "url": "/auth/register", "json": new}
