"""A running account service for tests: the real application and lifespan, a real database, mail kept in memory."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import re
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx2
from fastapi import FastAPI

from canary import CANARY
from cells import in_process
from fastness.accounts.app import build
from fastness.accounts.mail import Mail, Mailer, MemoryMailer
from fastness.accounts.service import Service
from fastness.accounts.settings import AccountSettings, ServiceSettings
from fastness.controls.passwords import PasswordSettings
from fastness.controls.totp import code, step_at
from fastness.core.events import Event, EventType

SECRET = "qx1WWbICdedsgkoSbcmbm90qJWktznVrEI8btLEr83GGKTHk"
PASSWORD = "violet teapot under the stairs"
EASY: dict[str, Any] = {
    "account": "1000/minute",
    "device": "1000/minute",
    "address": "10000/minute",
    "everyone": "100000/minute",
    "register_address": "10000/minute",
    "factor": ["10000/minute"],
    "code_address": "10000/minute",
    "resend_address": "10000/minute",
    "refresh_address": "10000/minute",
    "magic_mail": "10000/minute",
    "device_mail": "10000/minute",
    "username": "10000/minute",
    "leak_address": "10000/minute",
    "reset_mail": "10000/minute",
    "mail": "10000/minute",
}
"""Limits that no test reaches by accident."""


@dataclass
class Clock:
    """Time that a test can turn forward."""

    ahead: float = 0.0
    still: float | None = None

    @classmethod
    def at_rest(cls) -> Clock:
        """The calendar stands still until a test turns it: no code's thirty seconds end by themselves."""
        return cls(still=time.time())

    def wall(self) -> float:
        return (time.time() if self.still is None else self.still) + self.ahead

    def ticks(self) -> float:
        return time.monotonic() + self.ahead


@dataclass
class Served:
    """One running service and a client of it."""

    app: FastAPI
    client: httpx2.AsyncClient
    service: Service
    mailer: Mailer
    clock: Clock
    events: list[Event] = field(default_factory=list)

    @property
    def mails(self) -> list[Mail]:
        assert isinstance(self.mailer, MemoryMailer)
        return self.mailer.outbox

    def types(self) -> list[EventType]:
        return [event.type for event in self.events]

    async def register(self, email: str, password: str = PASSWORD, name: str = "Ada") -> str:
        answer = await self.client.post("/auth/register", json={"email": email, "password": password, "name": name})
        assert answer.status_code == 202, answer.text
        await self.service.mail.settled()
        flow: str = answer.json()["flow"]
        return flow

    async def account(
        self, email: str = "ada@example.com", *, role: str = "user", verified: bool = True, suspended: bool = False
    ) -> str:
        """An account with this role, made through the front door where the front door leads there."""
        flow = await self.register(email)
        if verified:
            done = await self.client.post("/auth/verify-email", json={"code": digits(self.mails[-1]), "flow": flow})
            assert done.status_code == 200, done.text
        async with self.service.db.write() as work:
            account = await work.users.by_email(email)
            assert account is not None
            if role != "user":
                await work.users.set_role(account.id, role, now=self.clock.wall())
            if suspended:
                await work.users.suspend(account.id, now=self.clock.wall())
        return account.id

    async def login(self, email: str = "ada@example.com", password: str = PASSWORD, **more: Any) -> dict[str, Any]:
        answer = await self.client.post("/auth/login", json={"email": email, "password": password, **more})
        assert answer.status_code == 200, answer.text
        tokens: dict[str, Any] = answer.json()
        return tokens

    async def signed_in(self, email: str = "ada@example.com", *, role: str = "user") -> dict[str, str]:
        """The Authorization header of a new account."""
        await self.account(email, role=role)
        return bearer(await self.login(email))

    async def forgot(self, email: str = "ada@example.com") -> tuple[str, Mail | None]:
        """Ask for a new password: the flow, and the mail when one came."""
        before = len(self.mails)
        answer = await self.client.post("/auth/password/forgot", json={"email": email})
        assert answer.status_code == 202, answer.text
        await self.service.mail.settled()
        flow: str = answer.json()["flow"]
        return flow, self.mails[-1] if len(self.mails) > before else None

    async def with_totp(
        self, email: str = "ada@example.com", password: str = PASSWORD
    ) -> tuple[dict[str, Any], bytes, list[str]]:
        """A session of an account that has an authenticator app from now on: its tokens, the seed, recovery codes."""
        tokens = await self.login(email, password)
        made = (await self.client.post("/account/factors/totp", json={}, headers=bearer(tokens))).json()
        seed = base64.b32decode(made["secret"] + "=" * (-len(made["secret"]) % 8))
        path, given = f"/account/factors/{made['id']}/confirm", {"code": self.totp(seed)}
        done = await self.client.post(path, json=given, headers=bearer(tokens))
        assert done.status_code == 200, done.text
        self.clock.ahead += 30  # the code of these thirty seconds is spent
        return tokens, seed, done.json()["recovery_codes"]

    def totp(self, seed: bytes) -> str:
        """What the app shows now."""
        return code(seed, step_at(self.clock.wall()))

    async def challenge(self, email: str = "ada@example.com", password: str = PASSWORD, **more: Any) -> str:
        """The token of a sign-in that waits for its factor."""
        answer = await self.login(email, password, **more)
        assert set(answer) == {"mfa_token", "methods"}, answer
        token: str = answer["mfa_token"]
        return token

    async def about(self, subject: str) -> list[Mail]:
        """The mails with this subject, when none is on its way any more."""
        await self.service.mail.settled()
        return [mail for mail in self.mails if mail.subject == subject]

    async def users(self) -> int:
        async with self.service.db.read() as work:
            page = await work.users.page(limit=1)
        assert page.total is not None
        return page.total


def bearer(tokens: Mapping[str, Any]) -> dict[str, str]:
    return {"Authorization": f"Bearer {tokens['access_token']}"}


def digits(mail: Mail) -> str:
    found = re.search(r"^Your code: ([0-9]+)$", mail.text, re.MULTILINE)
    assert found is not None, mail.subject
    return found[1]


def link_token(mail: Mail) -> str:
    found = re.search(r"#token=(\S+)", mail.text)
    assert found is not None, mail.subject
    return found[1]


@contextlib.asynccontextmanager
async def serving(
    url: str,
    *,
    throttle: Mapping[str, Any] | None = None,
    mailer: Mailer | None = None,
    store: Any = None,
    secret: str = SECRET,
    clock: Clock | None = None,
    settings: Mapping[str, Any] | None = None,
    **accounts: Any,
) -> AsyncIterator[Served]:
    """The service on the database `url`, from the start of its lifespan to the end."""
    clock = clock or Clock()
    chosen = ServiceSettings.model_validate(
        {
            "environment": "development",
            "secret": [secret],
            "database_url": url,
            "passwords": PasswordSettings.unsafe_for_tests(),
            "accounts": AccountSettings.model_validate({"throttle": {**EASY, **(throttle or {})}, **accounts}),
            "limits": {"per_address": "", "per_user": ""},
            **(in_process() if store is None and "counters" not in accounts else {}),
            **(settings or {}),
        }
    )
    mailer = mailer or MemoryMailer()
    events: list[Event] = []
    app = build(chosen, mailer=mailer, store=store, emit=events.append, now=clock.wall, ticks=clock.ticks)
    async with running(app):
        transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False, client=("192.0.2.7", 5000))
        async with httpx2.AsyncClient(transport=transport, base_url="https://localhost") as client:
            yield Served(app, client, app.state.fastness_accounts, mailer, clock, events)
    CANARY.reads("\n".join(map(repr, events)))


@contextlib.asynccontextmanager
async def running(app: FastAPI) -> AsyncIterator[None]:
    """Run the application's lifespan as a server does.

    Raises:
        RuntimeError: the start failed; the text is what the operator reads.
    """
    to_app: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    from_app: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    scope: dict[str, Any] = {"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}

    async def send(message: Any) -> None:
        await from_app.put(dict(message))

    task = asyncio.create_task(app(scope, to_app.get, send))
    try:
        await to_app.put({"type": "lifespan.startup"})
        message = await asyncio.wait_for(from_app.get(), 20)
        if message["type"] == "lifespan.startup.failed":
            raise RuntimeError(message.get("message", ""))
        yield
    finally:
        await to_app.put({"type": "lifespan.shutdown"})
        await asyncio.wait([task], timeout=20)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
