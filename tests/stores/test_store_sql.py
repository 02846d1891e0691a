"""What SQL alone makes a question, on SQLite and on PostgreSQL. What every store promises: test_store_promises.py."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from sqlalchemy import MetaData, inspect, text
from sqlalchemy.exc import DatabaseError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from fastness.core.clock import Clock
from fastness.core.store import Rate
from fastness.stores.sql import SqlStore, engine_for, metadata, tables
from fresh_database import fresh_url, strict
from stores.stages import Hands

pytestmark = [pytest.mark.anyio, pytest.mark.store]

HOUR = Rate(100, 3600.0)


@pytest.fixture(params=["sqlite", "postgresql"])
async def url(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[str]:
    async with fresh_url(request.param, tmp_path) as url:
        yield url


@pytest.fixture
async def engine(url: str) -> AsyncIterator[AsyncEngine]:
    engine = engine_for(url)
    await SqlStore(engine).create_tables()
    yield engine
    await engine.dispose()


async def test_purge_deletes_what_expired_in_batches_and_nothing_else(engine: AsyncEngine) -> None:
    clock = Hands()
    store = SqlStore(engine, now=clock)
    for n in range(25):
        await store.hit(f"old {n}", Rate(1, 1.0))
        await store.put_once(f"old {n}", "", ttl=1)
    clock.micros += 1_000_000
    await store.hit("live", Rate(1, 1.0))
    await store.put_once("live", "value", ttl=1)

    gone = await store.purge(batch=10)

    assert gone == 50
    assert not (await store.hit("live", Rate(1, 1.0))).allowed
    assert await store.consume("live") == "value"


async def test_a_database_that_prefers_serializable_counts_and_gives_once_as_any_other(
    tmp_path: Path,
) -> None:
    async with fresh_url("postgresql", tmp_path) as url:
        await strict(url)
        store = SqlStore(engine_for(url))
        await store.create_tables()

        hits = await asyncio.gather(*(store.hit("ada", Rate(5, 3600.0)) for _ in range(60)))
        put = await asyncio.gather(*(store.put_once("code", "value", ttl=60) for _ in range(60)))
        taken = await asyncio.gather(*(store.consume("code") for _ in range(60)))
        await store.close()

    assert [hit.allowed for hit in hits].count(True) == 5
    assert put.count(True) == 1
    assert [value for value in taken if value is not None] == ["value"]


async def test_a_counter_hit_while_purge_waits_for_it_is_kept(engine: AsyncEngine) -> None:
    if engine.dialect.name == "sqlite":
        pytest.skip("SQLite's purge holds the only write lock from its first row on")
    clock = Hands()
    store = SqlStore(engine, now=clock)
    await store.hit("ada", Rate(1, 1.0))
    clock.micros += 2_000_000
    waits = text(
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    )

    watcher = engine.execution_options(isolation_level="AUTOCOMMIT")
    async with engine.connect() as hitting, watcher.connect() as watching:
        await hitting.execute(text("UPDATE fastness_counters SET full_until = full_until + 9000000"))
        purging = asyncio.create_task(store.purge())
        while not (await watching.execute(waits)).scalar_one():  # noqa: ASYNC110 - the server has no event for it
            await asyncio.sleep(0.01)
        await hitting.commit()
    gone = await purging

    assert gone == 0
    assert not (await store.hit("ada", Rate(1, 1.0))).allowed


@pytest.mark.parametrize("clock", [None, time.time])
async def test_both_clocks_agree_to_within_a_minute(engine: AsyncEngine, clock: Clock | None) -> None:
    store = SqlStore(engine, now=clock)

    await store.hit("ada", HOUR)

    async with engine.connect() as connection:
        full_until = (await connection.execute(text("SELECT full_until FROM fastness_counters"))).scalar_one()
    assert abs(full_until / 1e6 - HOUR.interval / 1e6 - time.time()) < 60


async def test_tables_may_be_created_by_several_at_once_under_any_prefix(url: str) -> None:
    engines = [engine_for(url) for _ in range(12)]

    await asyncio.gather(*(SqlStore(engine, prefix="app_").create_tables() for engine in engines))

    async with engines[0].connect() as connection:
        names = await connection.run_sync(lambda sync: set(inspect(sync).get_table_names()))
    for engine in engines:
        await engine.dispose()
    assert names == {"app_counters", "app_once"}


async def test_a_new_file_may_be_opened_by_several_at_once(tmp_path: Path) -> None:
    for name in range(40):
        engines = [engine_for(f"sqlite+aiosqlite:///{tmp_path / str(name)}") for _ in range(12)]
        await asyncio.gather(*(SqlStore(engine).create_tables() for engine in engines))
        await asyncio.gather(*(engine.dispose() for engine in engines))


@pytest.mark.parametrize(("name", "why"), [("letter.txt", "not a database"), ("", "unable to open")])
async def test_what_is_no_database_is_told_at_once(name: str, why: str, tmp_path: Path) -> None:
    before = set(threading.enumerate())
    (tmp_path / "letter.txt").write_bytes(b"this is a letter and no database" * 64)
    engine = engine_for(f"sqlite+aiosqlite:///{tmp_path / name}")

    async with asyncio.timeout(4):
        with pytest.raises(DatabaseError, match=why):
            await SqlStore(engine).create_tables()
    await engine.dispose()
    async with asyncio.timeout(10):
        while set(threading.enumerate()) - before:  # noqa: ASYNC110 - the driver does not wait for a connection that failed
            await asyncio.sleep(0.01)


async def test_the_tables_are_offered_to_migrations(engine: AsyncEngine) -> None:
    counters, once = tables(MetaData(), prefix="app_")

    assert (counters.name, once.name) == ("app_counters", "app_once")
    assert set(metadata.tables) == {"fastness_counters", "fastness_once"}


@pytest.mark.parametrize("prefix", ["", "a;b", "A_", "x" * 50, 'a"'])
async def test_a_prefix_that_is_no_identifier_is_refused(engine: AsyncEngine, prefix: str) -> None:
    with pytest.raises(ValueError, match="prefix"):
        SqlStore(engine, prefix=prefix)


async def test_a_write_of_another_connection_is_awaited_and_is_no_error(tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path / 'store.db'}"
    engine, other = engine_for(url), create_async_engine(url)
    store = SqlStore(engine)
    await store.create_tables()

    async with other.connect() as connection:
        await connection.exec_driver_sql("BEGIN IMMEDIATE")
        waiting = asyncio.create_task(store.hit("ada", HOUR))
        await asyncio.sleep(0.2)
        blocked = not waiting.done()
        await connection.exec_driver_sql("COMMIT")
    hit = await waiting

    await engine.dispose()
    await other.dispose()
    assert blocked
    assert hit.allowed


def test_another_database_is_refused_by_name() -> None:
    class Fake:
        class dialect:  # noqa: N801
            name = "mysql"

    make: Callable[[object], object] = SqlStore  # type: ignore[assignment]
    with pytest.raises(ValueError, match="not mysql"):
        make(Fake)
