"""The database on somebody's own engine: asynchronous or synchronous, on SQLite and PostgreSQL."""

# ruff: noqa: PT012 - what fails is a whole transaction

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, event, text
from sqlalchemy.ext.asyncio import AsyncEngine

from accounts.given import engine_on
from fastness.accounts.db import Database
from fastness.accounts.models import Work, default_models
from fastness.core.errors import Unavailable
from models_on import AccountDatabase, add, at_once, signed_in

pytestmark = pytest.mark.anyio
KINDS = [
    "sqlite-async",
    "sqlite-sync",
    pytest.param("postgresql-async", marks=pytest.mark.store),
    pytest.param("postgresql-sync", marks=pytest.mark.store),
]


@pytest.fixture(params=KINDS)
async def engine(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Engine | AsyncEngine]:
    async with engine_on(request.param, tmp_path) as made:
        yield made


@pytest.fixture
async def db(engine: Engine | AsyncEngine) -> AsyncIterator[AccountDatabase]:
    database: AccountDatabase = Database(engine, default_models())
    await database.create_tables()
    yield database
    await database.close()


async def test_queries_work_on_a_given_engine(db: AccountDatabase) -> None:
    ada = await add(db, "ada@example.com", role="admin", verified=True)
    opened = await signed_in(db, ada)

    async with db.read() as work:
        assert await work.users.by_email("ada@example.com") == ada
        assert [session.id for session in await work.sessions.list(ada.id, now=2.0)] == [opened.session_id]
        assert (await work.users.page(limit=5, search="ada")).total == 1


async def test_a_transaction_is_whole_or_not_at_all(db: AccountDatabase) -> None:
    with pytest.raises(ZeroDivisionError):
        async with db.write() as work:
            await work.users.add(email="a", canonical="a", name="", password_hash=None, now=1.0)
            raise ZeroDivisionError

    async with db.read() as work:
        assert await work.users.by_email("a") is None


async def test_one_of_many_at_once_gets_the_address(db: AccountDatabase) -> None:
    async def register(_: int) -> bool:
        async with db.write() as work:
            return await work.users.add(email="a", canonical="a", name="", password_hash=None, now=1.0) is not None

    assert sorted(await at_once(30, register)) == [False] * 29 + [True]


async def test_many_at_once_on_few_connections_all_come_through(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    async with engine_on("postgresql-sync", tmp_path, pool_size=2, max_overflow=0) as engine:
        database: AccountDatabase = Database(engine, default_models())
        await database.create_tables()
        ada = await add(database, "ada@example.com", verified=True)

        opened = await asyncio.wait_for(at_once(60, lambda _: signed_in(database, ada)), 30)

        assert len({each.session_id for each in opened}) == 60
        await database.close()


async def test_a_cancelled_transaction_leaves_no_half(db: AccountDatabase) -> None:
    begun = asyncio.Event()

    async def register() -> None:
        async with db.write() as work:
            await work.users.add(email="a", canonical="a", name="", password_hash=None, now=1.0)
            begun.set()
            await asyncio.sleep(30)

    task = asyncio.create_task(register())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    async with db.read() as work:
        assert await work.users.by_email("a") is None
    await add(db, "a")


async def test_their_engine_is_left_open_and_as_it_was(engine: Engine | AsyncEngine, db: AccountDatabase) -> None:
    await add(db, "ada@example.com")
    await db.close()

    theirs = engine if isinstance(engine, Engine) else engine.sync_engine
    assert theirs.get_execution_options() == {}
    if isinstance(engine, Engine):
        with engine.connect() as connection:
            assert connection.execute(text("SELECT count(*) FROM users")).scalar_one() == 1
    else:
        async with engine.connect() as there:
            assert (await there.execute(text("SELECT count(*) FROM users"))).scalar_one() == 1


async def test_an_engine_that_begins_by_itself_works(tmp_path: Path) -> None:
    async with engine_on("sqlite-sync", tmp_path) as engine:
        assert isinstance(engine, Engine)
        event.listen(engine, "connect", lambda connection, _: setattr(connection, "isolation_level", None))
        event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))
        database: AccountDatabase = Database(engine, default_models())
        await database.create_tables()

        await at_once(10, lambda i: add(database, f"a{i}"))

        async with database.read() as work:
            assert (await work.users.page(limit=20)).total == 10
        await database.close()


async def test_statements_of_a_synchronous_engine_run_in_threads_of_their_own(tmp_path: Path) -> None:
    async with engine_on("sqlite-sync", tmp_path) as engine:
        assert isinstance(engine, Engine)
        seen: set[str] = set()
        event.listen(engine, "before_cursor_execute", lambda *_: seen.add(threading.current_thread().name))
        database: AccountDatabase = Database(engine, default_models())
        await database.create_tables()
        await add(database, "a")
        await database.close()

    assert seen
    assert all(name.startswith("fastness-db") for name in seen)


@pytest.fixture
def away() -> Iterator[Engine]:
    engine = create_engine("postgresql+psycopg://ada:hunter2@127.0.0.1:9/x", connect_args={"connect_timeout": 1})
    yield engine
    engine.dispose()


async def test_a_database_that_is_away_is_unavailable_and_no_value_is_told(away: Engine) -> None:
    database: Database[Work] = Database(away, default_models())

    with pytest.raises(Unavailable) as refused:
        async with database.read() as work:
            await work.users.by_email("ada@example.com")

    assert "hunter2" not in str(refused.value)
    assert not await database.ready()
    await database.close()
