"""The real service under the model: one event loop, one database, requests in process, and a database that can be away."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import sqlite3
import tempfile
from collections.abc import Awaitable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import event, exc, text

from accounts.serving import Clock, Served, bearer, digits, link_token, serving
from fastness.accounts.models.columns import digest
from fresh_database import fresh_url
from proof.model.effects import ABSOLUTE, CAP, CODE, GRACE, IDLE

T = TypeVar("T")
LINKS: dict[str, Any] = {f"{name}_link": f"https://app.example.com/{name}" for name in ("verify", "reset", "email")}
ROOT = "root@example.com"


@dataclass
class Fault:
    """The database is away from this statement of the request on; `fired` when a statement met that."""

    after: int
    over: bool = False
    fired: bool = False


_fault: ContextVar[Fault | None] = ContextVar("fault", default=None)


def _may_fail(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
    fault = _fault.get()
    # What is rolled back was refused already, and a server that is away rolls back too.
    if fault is None or fault.over or statement.startswith("ROLLBACK"):
        return
    fault.after -= 1
    if fault.after < 0:
        fault.fired = True
        raise exc.OperationalError("away", None, sqlite3.OperationalError("disk I/O error"))


@dataclass
class Answer:
    """What came back; the body holds besides what a mail, an access token or a seed says."""

    status: int
    body: dict[str, Any]
    fired: bool
    mailed: list[str]


class Service:
    """Starts the service; `ask` sends one request, `counts` looks into the database."""

    def __init__(self, kind: str) -> None:
        self.clock = Clock.at_rest()
        self._runner = asyncio.Runner()
        self._stack = contextlib.AsyncExitStack()
        self.served = self.run(self._start(kind))
        self._root, self._until = "", 0.0

    def run(self, awaitable: Awaitable[T]) -> T:
        async def whole() -> T:
            return await awaitable

        return self._runner.run(whole())

    def close(self) -> None:
        self.run(self._stack.aclose())
        self._runner.close()

    async def _start(self, kind: str) -> Served:
        folder = self._stack.enter_context(tempfile.TemporaryDirectory(prefix="fastness-model-"))
        url = await self._stack.enter_async_context(fresh_url(kind, Path(folder)))
        served = await self._stack.enter_async_context(
            serving(
                url, clock=self.clock, sessions_per_user=CAP, session_idle=IDLE, session_absolute=ABSOLUTE,
                refresh_grace=GRACE, code_seconds=CODE, **LINKS,
            )
        )  # fmt: skip
        await served.account(ROOT, role="super_admin")
        event.listen(served.service.db.engine.sync_engine, "before_cursor_execute", _may_fail)
        return served

    def root(self) -> str:
        """The administrator's token."""
        if self.clock.wall() >= self._until:
            self._root = self.run(self.served.login(ROOT))["access_token"]
            self._until = self.clock.wall() + 500
        return self._root

    def ask(self, method: str, path: str, body: Any, token: str | None, fault: Fault | None) -> Answer:
        return self.run(self._ask(method, path, body, token, fault))

    async def _ask(self, method: str, path: str, body: Any, token: str | None, fault: Fault | None) -> Answer:
        before = len(self.served.mails)
        headers = bearer({"access_token": token}) if token else {}
        marked = _fault.set(fault)
        self.served.client.cookies.clear()
        answer = await self.served.client.request(method, path, json=body, headers=headers)
        _fault.reset(marked)
        if fault is not None:
            fault.over = True
        await self.served.service.mail.settled()
        given = answer.json() if answer.content else {}
        mailed = list[str]()
        for mail in self.served.mails[before:]:
            if "\nYour code: " in mail.text:
                mailed.append(mail.to)
                given |= {"digits": digits(mail), "link": link_token(mail) if "#token=" in mail.text else ""}
        if "access_token" in given:
            who = self.served.service.tokens.verify(given["access_token"])
            given |= {"sid": who.session, "role": next(iter(who.roles))}
        if "secret" in given:
            given["seed"] = base64.b32decode(given["secret"] + "=" * (-len(given["secret"]) % 8))
        return Answer(answer.status_code, given, bool(fault and fault.fired), mailed)

    def id_of(self, email: str) -> str:
        """The id of the account with this address."""
        return self.run(self._id_of(email))

    async def _id_of(self, email: str) -> str:
        async with self.served.service.db.read() as work:
            account = await work.users.by_email(email)
        assert account is not None
        return account.id

    def held(self) -> dict[str, Any]:
        """What the database holds of everybody but the administrator."""
        return self.run(self._held())

    async def _held(self) -> dict[str, Any]:
        async with self.served.service.db.engine.connect() as connection:

            async def rows(statement: str) -> list[Any]:
                return [tuple(row) for row in await connection.execute(text(statement))]

            people = await rows(
                "SELECT email_canonical, role, verified_at IS NOT NULL, suspended_at IS NOT NULL, password_hash IS NULL, "
                "(SELECT count(*) FROM fastness_factors f WHERE f.user_id = u.id AND f.confirmed_at IS NOT NULL), "
                "(SELECT count(*) FROM fastness_recovery_codes r WHERE r.user_id = u.id AND r.used_at IS NULL) "
                "FROM users u WHERE email_canonical <> 'root@example.com'"
            )
            leaves = await rows(
                "SELECT s.current FROM fastness_sessions s JOIN users u ON s.user_id = u.id "
                "WHERE u.email_canonical <> 'root@example.com'"
            )
        return {
            "people": sorted(tuple(map(_plain, one)) for one in people),
            "leaves": sorted(bytes(row[0]) for row in leaves),
        }


def _plain(value: Any) -> Any:
    return int(value) if isinstance(value, bool) else value


def leaves(tokens: Iterator[str]) -> list[bytes]:
    """The digests of these refresh tokens, as the database keeps them."""
    return sorted(map(digest, tokens))
