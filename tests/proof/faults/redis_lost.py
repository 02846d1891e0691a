"""Experiment 7: Redis is gone, hangs, is full, forgets everything or fails over, while all workers count on it."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import secrets
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import httpx2

from cells import Serving, served
from journeys.one_per_worker import one_per_worker
from journeys.test_killed import mailed_now
from plain_http import NO_TLS
from proof.faults.callers import OPEN, PASSWORD
from proof.faults.experiment import Figure, Trial, at_most, none, only, within
from redis_server import RedisServer, redis_server

ALLOWED, TRIED, RECOVERY = 8, 60, 2.0
GENERAL, BEYOND = 100, 60
"""Requests of one address that pass, and how many more are tried than all workers together may let pass."""
FAULTS: dict[str, tuple[Callable[[RedisServer], object], Callable[[RedisServer], object]]] = {
    "gone": (RedisServer.stop, RedisServer.start),
    "hangs": (RedisServer.freeze, RedisServer.thaw),
    "full": (
        lambda redis: redis.tell("CONFIG", "SET", "maxmemory-policy", "noeviction", "maxmemory", "1"),
        lambda redis: redis.tell("CONFIG", "SET", "maxmemory", "0"),
    ),
}
_ADDRESSES = (f"127.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}" for n in itertools.count(2**16))
"""Of loopback, so that no question uses up another one's limit."""


@dataclass
class Seen:
    """What callers saw of one kind of fault."""

    answers: Counter[int] = field(default_factory=Counter)
    tried: int = 0
    """The most sign-ins at one account, while no worker reached Redis."""
    between: int = 0
    """The same, while some workers had it back."""
    others: list[int] = field(default_factory=list)
    """How many requests of one address passed each time."""
    worst: float = 0.0
    events: list[tuple[int, int]] = field(default_factory=list)
    """How often all workers together told that it is down, and that it is up, of each time."""

    def figures(self, name: str, workers: int) -> list[Figure]:
        # An account that is new has no count in Redis, so that a share for each worker is all there is.
        share = max(1, ALLOWED // workers) * workers
        passed = f"{min(self.others)} to {max(self.others)}"
        good = min(self.others) >= GENERAL and max(self.others) <= workers * GENERAL
        return [
            only(f"{name}: answers", self.answers, {401, 429}),
            at_most(f"{name}: sign-ins tried at one account, of {TRIED}", self.tried, share),
            at_most(f"{name}: the same while workers come back", self.between, ALLOWED + share),
            Figure(f"{name}: requests of one address", passed, f"{GENERAL} to {workers * GENERAL}", good),
            Figure(
                f"{name}: events down and up, of all workers", f"{self.events}", f"each ({workers}, {workers})",
                set(self.events) == {(workers, workers)},
            ),
            within(f"{name}: exact again after", self.worst, RECOVERY),
        ]  # fmt: skip


async def run(trial: Trial) -> list[Figure]:
    """Each fault three times: guesses at a new account and requests of a new address during it, and until all is exact."""
    figures, repeats = list[Figure](), trial.sized(short=1, full=3)
    outbox = trial.folder / "outbox"
    settings = {
        **OPEN,
        "FASTNESS_ACCOUNTS__THROTTLE__ACCOUNT": f"{ALLOWED}/hour",
        "FASTNESS_LIMITS__PER_ADDRESS": f"{GENERAL}/day",
        "FASTNESS_MAIL__BACKEND": "file",
        "FASTNESS_MAIL__FOLDER": str(outbox),
        # Five times the default, so that a busy machine is no outage, and each outage has its one event.
        "FASTNESS_REDIS_TIMEOUT": "0.25",
    }
    async with served(trial.cell, trial.folder, **settings) as serving:
        assert serving.redis is not None
        for name, (breaks, mends) in FAULTS.items():
            seen = Seen()
            for _ in range(repeats):
                await _fault(seen, serving, partial(breaks, serving.redis), partial(mends, serving.redis))
            figures += seen.figures(name, trial.cell.workers)
        figures += await _flushed(serving, serving.redis, outbox, repeats)
        figures += await _fails_over(serving, serving.redis, trial.folder, repeats)
    return figures


async def _fault(seen: Seen, serving: Serving, breaks: Callable[[], object], mends: Callable[[], object]) -> None:
    url, before = serving.url, _events(serving)
    await asyncio.to_thread(breaks)
    during = await _guesses(url)
    seen.others.append((await _requests(url, serving.cell.workers * GENERAL + BEYOND))[401])
    await _each_asked(serving)
    await asyncio.to_thread(mends)
    back = began = time.monotonic()
    while (again := await _guesses(url)) != _EXACT:
        seen.answers += again
        seen.between = max(seen.between, again[401])
        assert time.monotonic() - back < 30, "never exact again"
        began = time.monotonic()
    # When the round that was exact began, all was well again.
    seen.worst = max(seen.worst, began - back)
    seen.answers += during
    seen.tried = max(seen.tried, during[401])
    seen.events.append(await _told(serving, before))


async def _told(serving: Serving, before: tuple[int, int]) -> tuple[int, int]:
    """What was told since, when each worker has been asked until it had the store back."""
    async with asyncio.timeout(30):
        while True:
            down, up = (now - then for now, then in zip(_events(serving), before, strict=True))
            if down <= up:
                return down, up
            await _each_asked(serving)
            await asyncio.sleep(0.05)


async def _each_asked(serving: Serving) -> None:
    """Every worker counts something."""
    # Connections of their own: the server ends one that was idle for seconds, and the next leads anywhere.
    async with one_per_worker(serving.url, serving.workers(), next(_ADDRESSES)) as workers:
        for worker in workers:
            await worker.get("/profile")


_EXACT = Counter({401: ALLOWED, 429: TRIED - ALLOWED})


async def _flushed(serving: Serving, redis: RedisServer, outbox: Path, repeats: int) -> list[Figure]:
    """Counts begin anew; what has ended has ended, and what was spent is spent: that is in the database."""
    counts, revived, told = list[Counter[int]](), list[str](), _events(serving)
    for n in range(repeats):
        async with one_per_worker(serving.url, serving.workers(), next(_ADDRESSES)) as workers:
            async with _from(serving.url, next(_ADDRESSES)) as http:
                gone = await _Gone.made(http, outbox, f"flushed{n}@example.com")
            counts.append(await _guesses(serving.url))
            redis.tell("FLUSHALL")
            redis.tell("SCRIPT", "FLUSH")
            counts.append(await _guesses(serving.url))
            revived += await gone.back(workers)
    return [
        Figure(
            "flushed: sign-ins",
            f"{[dict(one) for one in counts]}",
            f"each {dict(_EXACT)}",
            all(one == _EXACT for one in counts),
        ),
        none("flushed: what had ended or was spent, and is good again", revived),
        Figure("flushed: events", f"{_events(serving)}", f"none more than {told}", _events(serving) == told),
    ]


@dataclass
class _Gone:
    """A session that was left, a refresh token that was replaced, a code that was used; and a session that goes on."""

    ended: str
    replaced: str
    alive: str
    code: dict[str, Any]

    @classmethod
    async def made(cls, http: httpx2.AsyncClient, outbox: Path, email: str) -> _Gone:
        new = {"email": email, "password": PASSWORD, "name": "Ada"}
        flow = (await http.post("/auth/register", json=new)).json()["flow"]
        for digits in await mailed_now(outbox, email):
            code = {"code": digits, "flow": flow}
            if (await http.post("/auth/verify-email", json=code)).status_code == 200:
                break
        first, second = [
            (await http.post("/auth/login", json={"email": email, "password": PASSWORD})).json() for _ in range(2)
        ]
        left = await http.post("/auth/logout", headers=_bearer(first["access_token"]), json={})
        assert left.status_code == 204, left.text
        renewed = await http.post("/auth/refresh", json={"refresh_token": second["refresh_token"]})
        alive = renewed.json()
        # The successor was used, so that the replaced one has no grace.
        again = await http.post("/auth/refresh", json={"refresh_token": alive["refresh_token"]})
        assert again.status_code == 200, f"{renewed.text} {again.text}"
        return cls(first["access_token"], second["refresh_token"], again.json()["access_token"], code)

    async def back(self, workers: list[httpx2.AsyncClient]) -> list[str]:
        found = list[str]()
        for worker in workers:
            ended = (await worker.get("/profile", headers=_bearer(self.ended))).status_code
            alive = (await worker.get("/profile", headers=_bearer(self.alive))).status_code
            spent = (await worker.post("/auth/verify-email", json=self.code)).status_code
            found += [] if (ended, alive, spent) == (401, 200, 400) else [f"{ended} {alive} {spent}"]
        for worker in workers:
            replaced = (await worker.post("/auth/refresh", json={"refresh_token": self.replaced})).status_code
            found += [] if replaced == 401 else [f"the replaced refresh token: {replaced}"]
        return found


async def _fails_over(serving: Serving, primary: RedisServer, folder: Path, repeats: int) -> list[Figure]:
    """Its replica is promoted and takes its place, with the counts that had reached it."""
    seen, kept, port = Seen(), Counter[int](), primary.port
    with contextlib.ExitStack() as stack:
        for _ in range(repeats):
            replica = stack.enter_context(redis_server(folder))
            await asyncio.to_thread(_follows, replica, primary)
            email = f"{secrets.token_hex(6)}@example.com"
            before = await _guesses(serving.url, email)
            assert before == _EXACT, before
            primary.tell("SET", "followed", "1")
            await asyncio.to_thread(_until, partial(_has_followed, replica))
            await _fault(seen, serving, primary.stop, partial(_promoted, replica, port))
            kept += await _guesses(serving.url, email)
            primary = replica
            primary.tell("DEL", "followed")
    return [
        *seen.figures("fail-over", serving.cell.workers),
        only("fail-over: an account that had used its tries", kept, {429}),
    ]


def _follows(replica: RedisServer, primary: RedisServer) -> None:
    primary.tell("CONFIG", "SET", "repl-diskless-sync-delay", "0")
    replica.tell("REPLICAOF", "127.0.0.1", str(primary.port))
    _until(lambda: replica.tell("INFO", "replication")["master_link_status"] == "up")


def _has_followed(replica: RedisServer) -> bool:
    return bool(replica.tell("GET", "followed") == b"1")


def _promoted(replica: RedisServer, port: int) -> None:
    replica.tell("REPLICAOF", "NO", "ONE")
    replica.tell("CONFIG", "SET", "port", str(port))
    replica.port = port


def _until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not true():
        assert time.monotonic() < deadline, "it does not follow"
        time.sleep(0.01)


def _events(serving: Serving) -> tuple[int, int]:
    written = serving.server.err
    return written.count('"sys_store_down"'), written.count('"sys_store_up"')


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def _guesses(url: str, email: str = "") -> Counter[int]:
    """Wrong passwords at one account, a new one unless it is said."""
    address, email = next(_ADDRESSES), email or f"{secrets.token_hex(6)}@example.com"

    async def one() -> int:
        async with _from(url, address) as http:
            return await _guess(http, email)

    return Counter(await asyncio.gather(*(one() for _ in range(TRIED))))


async def _guess(http: httpx2.AsyncClient, email: str) -> int:
    return (await http.post("/auth/login", json={"email": email, "password": "not the right one"})).status_code


async def _requests(url: str, times: int) -> Counter[int]:
    """Of one new address."""
    address = next(_ADDRESSES)

    async def one() -> int:
        async with _from(url, address) as http:
            return (await http.get("/profile")).status_code

    return Counter(await asyncio.gather(*(one() for _ in range(times))))


def _from(url: str, address: str) -> httpx2.AsyncClient:
    # A connection each, so that the kernel spreads them over the workers.
    transport = httpx2.AsyncHTTPTransport(local_address=address, verify=NO_TLS)
    return httpx2.AsyncClient(transport=transport, base_url=url, timeout=60)
