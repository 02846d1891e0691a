"""A unit of work at once: the same as a transaction, and on SQLite one trip to the thread of its connection."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiosqlite
import pytest
from sqlalchemy import event, text

from accounts.given import engine_on
from fastness.accounts.db import Database
from fastness.accounts.models import Account, Work, default_models
from fastness.core.errors import Unavailable
from fresh_database import fresh_url
from models_on import AccountDatabase, at_once, models_on

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["sqlite", "memory", pytest.param("postgresql", marks=pytest.mark.store)])
async def db(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[AccountDatabase]:
    if request.param == "memory":
        async with models_on("sqlite://") as database:
            yield database
        return
    async with fresh_url(request.param, tmp_path) as url, models_on(url) as database:
        yield database


@pytest.fixture
async def file(tmp_path: Path) -> AsyncIterator[AccountDatabase]:
    async with models_on(f"sqlite:///{tmp_path}/a.db") as database:
        yield database


def registering(name: str) -> Callable[[Work], Any]:
    """A unit that makes an account and a session of it."""

    async def unit(work: Work) -> Account:
        account = await work.users.add(email=name, canonical=name, name="", password_hash=None, now=1.0)
        assert account is not None
        await work.sessions.open(account.id, now=1.0, idle=9, absolute=9, cap=3, address="", agent="")
        return account

    return unit


async def known(db: AccountDatabase, name: str) -> Account | None:
    return await db.read_at_once(lambda work: work.users.by_email(name))


async def test_it_returns_what_the_unit_returns_and_commits_it(db: AccountDatabase) -> None:
    account = await db.write_at_once(registering("ada"))

    assert await known(db, "ada") == account
    async with db.read() as work:
        assert len(await work.sessions.list(account.id, now=2.0)) == 1


async def test_an_exception_is_the_callers_and_leaves_nothing_behind(db: AccountDatabase) -> None:
    async def unit(work: Work) -> None:
        await registering("ada")(work)
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        await db.write_at_once(unit)

    assert await known(db, "ada") is None
    await db.write_at_once(registering("ada"))


async def test_many_at_once_lose_nothing(db: AccountDatabase) -> None:
    await at_once(40, lambda i: db.write_at_once(registering(f"{i}")))

    async with db.read() as work:
        assert (await work.users.page(limit=1)).total == 40


async def test_a_client_that_goes_away_leaves_all_or_nothing(db: AccountDatabase) -> None:
    there = []
    for i in range(30):
        task = asyncio.create_task(db.write_at_once(registering(f"{i}")))
        for _ in range(i):
            await asyncio.sleep(0)
        if i < 29:
            task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        account = await known(db, f"{i}")
        there.append(account is not None)
        if account is not None:
            async with db.read() as work:
                assert len(await work.sessions.list(account.id, now=2.0)) == 1

    assert {True, False} == set(there)
    await asyncio.wait_for(at_once(30, lambda i: db.write_at_once(registering(f"after {i}"))), 20)


async def test_a_unit_sees_the_context_of_its_caller(db: AccountDatabase) -> None:
    whose: contextvars.ContextVar[str] = contextvars.ContextVar("whose")
    whose.set("the caller's")

    async def unit(work: Work) -> str:
        await work.users.by_email("nobody")
        return whose.get()

    assert await db.read_at_once(unit) == "the caller's"


async def test_a_unit_is_one_trip_to_the_thread_of_its_connection(
    file: AccountDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    trips, said = [], list[tuple[str, str]]()
    real: Any = aiosqlite.Connection._execute

    async def counted(self: aiosqlite.Connection, *given: Any) -> Any:
        trips.append(given)
        return await real(self, *given)

    monkeypatch.setattr(aiosqlite.Connection, "_execute", counted)
    event.listen(
        file.engine.sync_engine,
        "before_cursor_execute",
        lambda *given: said.append((given[2].split()[0], threading.current_thread().name)),
    )

    await file.write_at_once(registering("ada"))

    assert len(trips) == 1
    assert [word for word, _ in said][:2] == ["BEGIN", "INSERT"]
    assert said[-1][0] == "COMMIT"
    assert len(said) >= 4
    assert {thread for _, thread in said} & {threading.current_thread().name} == set()


async def test_a_unit_that_waits_for_anything_else_is_told_and_undone(file: AccountDatabase) -> None:
    async def unit(work: Work) -> None:
        await registering("ada")(work)
        await asyncio.sleep(0)

    with pytest.raises(RuntimeError, match="awaits something else"):
        await file.write_at_once(unit)

    assert await known(file, "ada") is None


async def test_a_writer_of_another_process_makes_it_unavailable_and_then_well_again(
    file: AccountDatabase, tmp_path: Path
) -> None:
    async with file.engine.connect() as warm:
        await warm.execute(text("PRAGMA busy_timeout=50"))
    other = sqlite3.connect(tmp_path / "a.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    with pytest.raises(Unavailable):
        await file.write_at_once(registering("ada"))
    assert await known(file, "ada") is None

    other.execute("ROLLBACK")
    other.close()
    await file.write_at_once(registering("ada"))


async def test_a_full_disk_leaves_nothing_behind(file: AccountDatabase) -> None:
    async def unit(work: Work) -> None:
        await registering("ada")(work)
        await work.users.connection.execute(text("PRAGMA max_page_count=1"))
        for number in range(2000):
            await work.devices.remember((await work.users.by_email("ada")).id, now=float(number), ttl=9)  # type: ignore[union-attr]

    async def room(work: Work) -> None:
        await work.users.connection.execute(text("PRAGMA max_page_count=1000000"))

    with pytest.raises(Unavailable):
        await file.write_at_once(unit)
    await file.read_at_once(room)

    assert await known(file, "ada") is None
    await file.write_at_once(registering("ada"))


async def test_a_connection_that_cannot_be_undone_is_used_no_more(file: AccountDatabase) -> None:
    broken: list[sqlite3.Connection] = []

    async def unit(work: Work) -> None:
        pooled = work.users.connection._connection.connection  # type: ignore[attr-defined]  # as deep as a defect lies
        broken.append(pooled.driver_connection._conn)
        broken[0].close()
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        await file.write_at_once(unit)

    for i in range(12):
        await file.write_at_once(registering(f"{i}"))
    assert len(broken) == 1


@pytest.mark.store
@pytest.mark.parametrize("kind", ["own", "postgresql-async", "postgresql-sync"])
async def test_a_unit_that_ends_as_a_deadlock_is_done_again_and_happens_once(kind: str, tmp_path: Path) -> None:
    async with contextlib.AsyncExitStack() as stack:
        given = fresh_url("postgresql", tmp_path) if kind == "own" else engine_on(kind, tmp_path)
        db: AccountDatabase = Database(await stack.enter_async_context(given), default_models())
        await db.create_tables()
        ids = [(await db.write_at_once(registering(name))).id for name in ("ada", "eve")]
        ours, theirs, tries = asyncio.Event(), asyncio.Event(), list[int]()

        async def other() -> None:
            async with db.write() as work:
                # Superusers may say so: this one is patient, so that the other is the one to be ended.
                await work.users.connection.execute(text("SET LOCAL deadlock_timeout = '20s'"))
                await work.users.hold(ids[1])
                theirs.set()
                await ours.wait()
                await work.users.hold(ids[0])

        async def unit(work: Work) -> Account | None:
            tries.append(1)
            await work.users.connection.execute(text("SET LOCAL deadlock_timeout = '50ms'"))
            await theirs.wait()
            await work.users.hold(ids[0])
            ours.set()
            await asyncio.sleep(0.2)  # PostgreSQL looks once: the other waits for us by now
            await work.users.add(email="new", canonical="new", name="", password_hash=None, now=1.0)
            return await work.users.hold(ids[1])

        found, _ = await asyncio.gather(db.write_at_once(unit), other())
        new = await known(db, "new")
        await db.close()

    assert len(tries) > 1
    assert found is not None
    assert new is not None
