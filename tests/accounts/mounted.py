"""Accounts in somebody's application, for tests: their class, their engine, their routes."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
from fastapi import FastAPI
from sqlalchemy import Engine, Integer, Uuid
from sqlalchemy.ext.asyncio import async_sessionmaker
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, sessionmaker

from accounts.given import engine_on
from accounts.serving import EASY, PASSWORD, SECRET, Clock, digits, running
from fastness.accounts import AccountMixin, Accounts, enforce_foreign_keys
from fastness.accounts.mail import MemoryMailer
from fastness.accounts.settings import AccountSettings, ServiceSettings
from fastness.controls.passwords import PasswordSettings
from fastness.core.events import Event

KINDS = ["sqlite-async", "sqlite-sync", "postgresql-async", "postgresql-sync"]


def person_class(key: Any = int, **columns: Any) -> type[Any]:
    """A class of somebody's application, with a metadata of its own and a key of this type."""

    class Base(DeclarativeBase):
        """Theirs."""

    class Person(AccountMixin, Base):
        """Theirs too."""

        __tablename__ = "people"
        id = mapped_column(Integer if key is int else Uuid, primary_key=True, **columns)
        nickname: Mapped[str | None]

    return Person


def settings(**more: Any) -> ServiceSettings:
    """Development, with limits that no test reaches and cheap hashes."""
    accounts = {"throttle": EASY, **more.pop("accounts", {})}
    return ServiceSettings.model_validate(
        {
            "environment": "development",
            "secret": [SECRET],
            "passwords": PasswordSettings.unsafe_for_tests(),
            "accounts": AccountSettings.model_validate(accounts),
            "limits": {"per_address": "", "per_user": ""},
            **more,
        }
    )


@dataclass
class Mounted:
    """One running application with accounts, and a client of it."""

    app: FastAPI
    accounts: Accounts[Any]
    factory: Any
    client: httpx2.AsyncClient
    mailer: MemoryMailer
    clock: Clock
    events: list[Event] = field(default_factory=list)
    api: str = ""

    async def registered(self, email: str = "ada@example.com", *, name: str = "Ada") -> str:
        """The id of a new, proved account."""
        given = {"email": email, "password": PASSWORD, "name": name}
        flow = (await self.post("/auth/register", json=given)).json()["flow"]
        await self.accounts.service.mail.settled()
        done = await self.post("/auth/verify-email", json={"code": digits(self.mailer.outbox[-1]), "flow": flow})
        assert done.status_code == 200, done.text
        async with self.accounts.service.db.read() as work:
            account = await work.users.by_email(email)
        assert account is not None
        return account.id

    async def signed_in(self, email: str = "ada@example.com") -> dict[str, str]:
        """The header of a new session."""
        answer = await self.post("/auth/login", json={"email": email, "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        return {"Authorization": f"Bearer {answer.json()['access_token']}"}

    async def post(self, path: str, **how: Any) -> httpx2.Response:
        return await self.client.post(self.api + path, **how)


@contextlib.asynccontextmanager
async def mounted(
    kind: str,
    folder: Path,
    *,
    user: type[Any] | None = None,
    before: Callable[[FastAPI], None] = lambda _: None,
    routes: Callable[[FastAPI, Accounts[Any], Any], None] = lambda *_: None,
    tables: bool = True,
    foreign_keys: bool = False,
    chosen: ServiceSettings | None = None,
    engine: Mapping[str, Any] | None = None,
    **how: Any,
) -> AsyncIterator[Mounted]:
    """Somebody's application on an empty database, from the start of its lifespan to the end.

    `before` runs before accounts are installed, and `routes` adds routes afterwards; `engine` is options of it.
    """
    user = user or person_class()
    clock, mailer, events = Clock(), MemoryMailer(), list[Event]()
    async with engine_on(kind, folder, **(engine or {})) as theirs:
        if foreign_keys:
            enforce_foreign_keys(theirs)
        factory: Any = sessionmaker(theirs) if isinstance(theirs, Engine) else async_sessionmaker(theirs)
        accounts: Accounts[Any] = Accounts(
            user, factory, settings=chosen or settings(), mailer=mailer, emit=events.append, now=clock.wall,
            ticks=clock.ticks, **how,
        )  # fmt: skip
        if tables:
            metadata = user.metadata
            if isinstance(theirs, Engine):
                metadata.create_all(theirs)
            else:
                async with theirs.begin() as connection:
                    await connection.run_sync(metadata.create_all)
        app = FastAPI()
        before(app)
        accounts.install(app)
        routes(app, accounts, factory)
        async with running(app):
            transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False, client=("192.0.2.7", 5000))
            async with httpx2.AsyncClient(transport=transport, base_url="https://localhost") as client:
                yield Mounted(app, accounts, factory, client, mailer, clock, events, how.get("api", ""))
