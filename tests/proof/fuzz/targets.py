"""The running applications that are fuzzed, with a caller of every role and tokens that nobody may accept."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
from fastapi import FastAPI
from sqlalchemy import select, update

from accounts.serving import EASY, PASSWORD, SECRET, digits, running, serving
from fastness.accounts.service import Service
from fastness.controls.passwords import PasswordSettings
from fastness.controls.tokens import SigningKey, TokenKeys, Tokens

ROLES = ("user", "admin", "super_admin")
CALLERS = ("anonymous", "expired", "foreign", *ROLES)
"""In this order: who changes something comes last."""


@dataclass(frozen=True)
class Caller:
    """An account that exists, and what it proves itself with."""

    id: str
    email: str
    token: str
    refresh: str = "none"
    since: float = field(default_factory=time.time)
    """When they signed in, or a little later."""


Maker = Callable[[str, str], Awaitable[Caller]]


@dataclass
class Target:
    """One application. `make(email, role)` makes an account through the front door."""

    name: str
    app: FastAPI
    tokens: Tokens
    make: Maker
    mistakes: Mapping[str, str] = field(default_factory=dict)
    callers: dict[str, Caller] = field(default_factory=dict)
    _numbers: Any = field(default_factory=itertools.count)

    async def renew(self, caller: str) -> None:
        """Another account with this role, or another token to refuse."""
        if caller in ROLES:
            self.callers[caller] = await self.make(f"{caller}{next(self._numbers)}@example.com", caller)
        elif caller != "anonymous":
            self.callers[caller] = await self._worthless(caller)

    async def victim(self) -> Caller:
        """An account for others to change and delete."""
        return await self.make(f"victim{next(self._numbers)}@example.com", "user")

    async def _worthless(self, kind: str) -> Caller:
        # A super administrator's own claims, so that nothing but time or signature is wrong.
        good = await self.make(f"{kind}{next(self._numbers)}@example.com", "super_admin")
        who, ours = self.tokens.verify(good.token), self.tokens
        keys = TokenKeys([SigningKey.generate(ours.keys.current.kid)]) if kind == "foreign" else ours.keys
        ago = 0.0 if kind == "foreign" else ours.settings.max_lifetime + ours.settings.leeway + 1
        forger = Tokens(keys, ours.settings, now=lambda: time.time() - ago)
        token = forger.issue(
            who.id, session=who.session, roles=who.roles, permissions=who.permissions, version=who.version
        )
        return Caller(good.id, good.email, token)


@contextlib.asynccontextmanager
async def accounts(folder: Path) -> AsyncIterator[Target]:
    """The account service."""
    async with serving(f"sqlite+aiosqlite:///{folder}/accounts.db") as served:
        mails, make = served.mails, _through_accounts(served.app, served.service, "")
        yield Target("accounts", served.app, served.service.tokens, _forgetting(mails, make))


@contextlib.asynccontextmanager
async def full(folder: Path) -> AsyncIterator[Target]:
    """`examples/full`, which takes its settings from the environment when it is imported: once in a process."""
    os.environ |= {
        "FASTNESS_ENVIRONMENT": "development",
        "FASTNESS_SECRET": f'["{SECRET}"]',
        "FASTNESS_MAIL__BACKEND": "memory",
        "FASTNESS_ACCOUNTS__CREATE_TABLES": "true",
        "FASTNESS_LIMITS__PER_ADDRESS": "",
        "FASTNESS_LIMITS__PER_USER": "",
        **{
            f"FASTNESS_ACCOUNTS__THROTTLE__{name.upper()}": rate if isinstance(rate, str) else json.dumps(rate)
            for name, rate in EASY.items()
        },
        **{f"FASTNESS_PASSWORDS__{name.upper()}": str(value) for name, value in _CHEAP.items()},
        "DATABASE_URL": f"sqlite+aiosqlite:///{folder}/full.db",
    }
    from examples.full.accounts import accounts as installed
    from examples.full.app import app
    from examples.full.database import Base, engine

    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    async with running(app):
        mailer: Any = installed.service.mail.mailer
        make = _through_accounts(app, installed.service, "/accounts")
        yield Target("full", app, installed.service.tokens, _forgetting(mailer.outbox, make))
    await engine.dispose()


@contextlib.asynccontextmanager
async def guide(folder: Path) -> AsyncIterator[Target]:
    """`examples/guide`. Its route that fails on purpose may, and says nothing of the reason."""
    os.environ.pop("DATABASE_URL", None)
    from examples.guide.app import build
    from examples.guide.database import User
    from examples.guide.settings import GuideSettings
    from examples.guide.wiring import Parts

    settings: dict[str, Any] = {
        "environment": "development",
        "secret": [SECRET],
        "passwords": PasswordSettings.unsafe_for_tests(),
        "limits": {"per_address": "", "per_user": ""},
    }
    app = build(GuideSettings(database_url=f"sqlite+aiosqlite:///{folder}/guide.db", **settings))
    parts: Parts = app.state.parts

    async def make(email: str, role: str) -> Caller:
        given = {"email": email, "password": PASSWORD}
        async with client(app) as http:
            assert (await http.post("/auth/register", json={**given, "name": "Ada"})).status_code == 202
        async with parts.sessions.begin() as db:
            await db.execute(update(User).where(User.email == email).values(role=role))
            found = await db.scalar(select(User.id).where(User.email == email))
        async with client(app) as http:
            answer = await http.post("/auth/login", json=given)
        assert answer.status_code == 200, answer.text
        return Caller(str(found), email, answer.json()["access_token"])

    async with running(app):
        tokens = parts.secured.tokens
        assert tokens is not None
        yield Target("guide", app, tokens, make, {"GET /fails": "hunter2"})


TARGETS = {"accounts": accounts, "guide": guide, "full": full}
_CHEAP = PasswordSettings.unsafe_for_tests().model_dump(exclude_unset=True)
_addresses = itertools.count(1)


def address() -> tuple[str, int]:
    """A client that was never seen: limits by address would answer in place of the route."""
    number = next(_addresses)
    return f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}", 50_000


def client(app: FastAPI) -> httpx2.AsyncClient:
    """A client from an address of its own."""
    transport = httpx2.ASGITransport(app, raise_app_exceptions=False, client=address())
    return httpx2.AsyncClient(transport=transport, base_url="https://localhost")


def _through_accounts(app: FastAPI, service: Service, api: str) -> Maker:
    async def make(email: str, role: str) -> Caller:
        given, mailer = {"email": email, "password": PASSWORD}, service.mail.mailer
        outbox: Any = mailer
        async with client(app) as http:
            started = await http.post(f"{api}/auth/register", json={**given, "name": "Ada"})
            await service.mail.settled()
            code = digits(outbox.outbox[-1])
            await http.post(f"{api}/auth/verify-email", json={"code": code, "flow": started.json()["flow"]})
            async with service.db.write() as work:
                account = await work.users.by_email(email)
                assert account is not None
                if role != "user":
                    await work.users.set_role(account.id, role, now=time.time())
            answer = await http.post(f"{api}/auth/login", json=given)
        assert answer.status_code == 200, answer.text
        return Caller(str(account.id), email, answer.json()["access_token"], answer.json()["refresh_token"])

    return make


def _forgetting(mails: list[Any], make: Maker) -> Maker:
    """A long run sends many mails; none is read later."""

    async def made(email: str, role: str) -> Caller:
        mails.clear()
        return await make(email, role)

    return made
