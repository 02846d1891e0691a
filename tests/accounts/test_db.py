"""The database holds when files, sockets, clients and processes do not."""

# ruff: noqa: PT012, ASYNC240 - what breaks is a whole transaction; files of a test may block
from __future__ import annotations

import asyncio
import logging
import os
import signal
import sqlite3
import stat
import sys
import textwrap
import time
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import pytest
from sqlalchemy import event, make_url, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.pool import QueuePool

from fastness.accounts.db import Database, normalized
from fastness.accounts.models import Account, Work, default_models
from fastness.core.errors import Unavailable
from fresh_database import fresh_url, on_server
from models_on import AccountDatabase, add, at_once, models_on
from postgres_server import postgres_server
from proxy import proxied

pytestmark = pytest.mark.anyio
BOTH = pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgresql", marks=pytest.mark.store)])


@pytest.fixture
async def url(kind: str, tmp_path: Path) -> AsyncIterator[str]:
    async with fresh_url(kind, tmp_path) as fresh:
        yield fresh


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("sqlite:///x.db", "sqlite+aiosqlite:///x.db"),
        ("sqlite:////tmp/x.db", "sqlite+aiosqlite:////tmp/x.db"),
        ("postgres://u:p@h/d", "postgresql+asyncpg://u:p@h/d"),
        ("postgresql://u:p@h/d?sslmode=require", "postgresql+asyncpg://u:p@h/d?ssl=require"),
        ("postgresql+psycopg://u@h/d", "postgresql+asyncpg://u@h/d"),
    ],
)
def test_the_usual_spellings_of_a_database_are_understood(given: str, meant: str) -> None:
    assert normalized(given).render_as_string(hide_password=False) == meant


@pytest.mark.parametrize(
    "given", ["", "hunter2", "mysql://u:hunter2@h/d", "postgres:hunter2", "://hunter2", "a://u:hunter2@h:x/"]
)
def test_another_database_is_refused_without_repeating_the_url(given: str) -> None:
    with pytest.raises(ValueError, match="database") as refused:
        Database(given, default_models())

    assert "hunter2" not in str(refused.value)
    assert refused.value.__cause__ is None


async def test_the_file_is_its_owners_only_from_its_first_moment(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        async with models_on(f"sqlite:///{tmp_path}/a.db") as db:
            await add(db, "ada@example.com")
            modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()}
    finally:
        os.umask(before)

    assert modes == {"a.db": 0o600, "a.db-wal": 0o600, "a.db-shm": 0o600}


async def test_a_file_that_others_may_read_is_reported_in_production(tmp_path: Path) -> None:
    async with models_on(f"sqlite:///{tmp_path}/a.db") as db:
        assert db.problems(production=True) == []
        (tmp_path / "a.db").chmod(0o644)

        problems = db.problems(production=True)

        assert [problem.fix for problem in problems] == ["chmod 600 the file"]
        assert db.problems(production=False) == []


async def test_sqlite_keeps_foreign_keys_write_ahead_logging_and_patience(tmp_path: Path) -> None:
    async with models_on(f"sqlite:///{tmp_path}/a.db") as db, db.engine.connect() as connection:
        values = [
            (await connection.execute(text(f"PRAGMA {name}"))).scalar()
            for name in ("journal_mode", "foreign_keys", "synchronous", "busy_timeout")
        ]

    assert values == ["wal", 1, 1, 5000]


async def test_the_driver_logs_no_bound_value_even_at_debug(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger("aiosqlite").setLevel(logging.NOTSET)
    caplog.set_level(logging.DEBUG)

    async with models_on(f"sqlite:///{tmp_path}/a.db") as db:
        await add(db, "ada@example.com")

    assert "ada@example.com" not in caplog.text


async def test_a_database_in_memory_works_for_many_at_once() -> None:
    async with models_on("sqlite://") as db:
        await at_once(20, lambda i: add(db, f"{i}@example.com"))

        async with db.read() as work:
            assert (await work.users.page(limit=50)).total == 20


@BOTH
async def test_an_exception_leaves_nothing_behind(kind: str, url: str) -> None:
    async with models_on(url) as db:
        with pytest.raises(RuntimeError):
            async with db.write() as work:
                await work.users.add(email="a", canonical="a", name="", password_hash=None, now=1.0)
                raise RuntimeError

        assert await by_email(db, "a") is None
        await add(db, "a")


@BOTH
@pytest.mark.parametrize("way", ["task", "scope"])
async def test_a_client_that_goes_away_leaves_all_or_nothing_and_no_connection_behind(
    kind: str, url: str, way: str
) -> None:
    async with models_on(url) as db:
        outcomes = []

        async def register(i: int) -> None:
            async with db.write() as work:
                account = await work.users.add(email="a", canonical=f"{i}", name="", password_hash=None, now=1.0)
                assert account is not None
                await work.sessions.open(account.id, now=1.0, idle=9, absolute=9, cap=3, address="", agent="")

        # The first client leaves before the work begins, the last stays to the end, the others leave in between.
        for i in range(60):
            if way == "task":
                task = asyncio.create_task(register(i))
                for _ in range(i):
                    await asyncio.sleep(0)
                if i < 59:
                    task.cancel()
                await asyncio.gather(task, return_exceptions=True)
            else:
                async with anyio.create_task_group() as group:
                    group.start_soon(register, i)
                    for _ in range(i):
                        await asyncio.sleep(0)
                    if i < 59:
                        group.cancel_scope.cancel()
            account = await by_email(db, f"{i}")
            outcomes.append(account is not None)
            if account is not None:
                async with db.read() as work:
                    assert len(await work.sessions.list(account.id, now=2.0)) == 1

        assert True in outcomes
        assert way == "scope" or False in outcomes
        await asyncio.wait_for(at_once(30, lambda i: add(db, f"after{i}")), 20)


@BOTH
async def test_a_commit_that_began_ends_even_when_the_client_goes_away_meanwhile(kind: str, url: str) -> None:
    async with models_on(url) as db:
        inside = asyncio.Event()

        async def register() -> None:
            async with db.write() as work:
                await work.users.add(email="a", canonical="a", name="", password_hash=None, now=1.0)
                inside.set()

        task = asyncio.create_task(register())
        await inside.wait()
        # The body is over and nothing but the commit is left to wait for.
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

        assert await by_email(db, "a") is not None


async def test_a_writer_of_another_process_that_keeps_the_lock_makes_us_unavailable_not_broken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fastness.accounts.db.ANSWER", 0.2)
    async with models_on(f"sqlite:///{tmp_path}/a.db") as db:
        other = sqlite3.connect(tmp_path / "a.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")

        with pytest.raises(Unavailable):
            await add(db, "ada@example.com")
        assert await by_email(db, "ada@example.com") is None
        assert await db.ready()

        other.execute("ROLLBACK")
        other.close()
        assert await add(db, "ada@example.com") == await by_email(db, "ada@example.com")


async def test_a_transaction_that_sqlite_undid_by_itself_costs_no_connection(tmp_path: Path) -> None:
    database: Database[Work] = Database(f"sqlite:///{tmp_path}/accounts.db", default_models())
    closed = list[object]()
    event.listen(database.engine.sync_engine, "close", lambda connection, _: closed.append(connection))
    async with database.transaction() as connection:
        await connection.exec_driver_sql("CREATE TABLE notes (id INTEGER PRIMARY KEY)")
        await connection.exec_driver_sql("INSERT INTO notes VALUES (?)", (1,))

    # As it does when the disk cannot take a commit; and while it cannot, no connection can be opened either.
    with pytest.raises(IntegrityError):
        async with database.transaction() as connection:
            await connection.exec_driver_sql("INSERT INTO notes VALUES (?)", (2,))
            await connection.exec_driver_sql("INSERT OR ROLLBACK INTO notes VALUES (?)", (1,))
    kept = list(closed)
    async with database.transaction() as connection:
        rows = (await connection.exec_driver_sql("SELECT count(*) FROM notes")).scalar_one()
    await database.close()

    assert kept == []
    assert rows == 1


async def test_a_file_that_cannot_be_opened_makes_us_unavailable(tmp_path: Path) -> None:
    (tmp_path / "is_a_folder.db").mkdir()
    for name in ("is_a_folder.db", "missing/folder.db"):
        database: Database[Work] = Database(f"sqlite:///{tmp_path}/{name}", default_models())

        assert not await database.ready()
        with pytest.raises(Unavailable):
            await by_email(database, "a")
        await database.close()


async def test_a_server_that_is_not_there_makes_us_unavailable_and_tells_no_password() -> None:
    database: Database[Work] = Database("postgresql://ada:hunter2@127.0.0.1:9/x", default_models())

    assert not await database.ready()
    with pytest.raises(Unavailable) as refused:
        await by_email(database, "a")

    assert refused.value.status == 503
    assert "hunter2" not in f"{refused.value!r} {refused.value.reason} {database!r}"
    await database.close()


@pytest.mark.store
@pytest.mark.parametrize("kind", ["postgresql"])
async def test_connections_that_the_server_dropped_while_idle_are_replaced_unseen(kind: str, url: str) -> None:
    async with models_on(url) as db:
        ada = await add(db, "ada@example.com")
        for _ in range(3):
            await drop_connections(url)

            assert await by_email(db, "ada@example.com") == ada
            async with db.write() as work:
                assert await work.users.rename(ada.id, "Ada")
            ada = await by_email(db, "ada@example.com") or ada


@pytest.mark.store
@pytest.mark.parametrize("kind", ["postgresql"])
async def test_a_connection_dropped_in_a_transaction_makes_us_unavailable_and_then_well_again(
    kind: str, url: str
) -> None:
    async with models_on(url) as db:
        with pytest.raises(Unavailable):
            async with db.write() as work:
                await work.users.add(email="a", canonical="a", name="", password_hash=None, now=1.0)
                await drop_connections(url)
                await work.users.by_email("a")

        assert await db.ready()
        assert await by_email(db, "a") is None
        await add(db, "a")


@pytest.mark.store
@pytest.mark.parametrize("kind", ["postgresql"])
async def test_a_commit_that_the_server_never_confirmed_is_no_success(kind: str, url: str) -> None:
    async with models_on(url) as db:
        with pytest.raises(Unavailable):
            async with db.write() as work:
                await work.users.add(email="a", canonical="a", name="", password_hash=None, now=1.0)
                await drop_connections(url)

        assert await by_email(db, "a") is None


@pytest.mark.store
@pytest.mark.parametrize("kind", ["postgresql"])
async def test_a_statement_that_takes_too_long_makes_us_unavailable(kind: str, url: str) -> None:
    async with models_on(url):
        database: Database[Work] = Database(url, default_models(), statement_timeout=2)

        with pytest.raises(Unavailable):
            async with database.transaction() as connection:
                await connection.execute(text("SELECT pg_sleep(30)"))

        assert await database.ready()
        await database.close()


async def every_place_is_free(database: Database[Work]) -> None:
    """Wait until the pool has back what nobody waited for; it happens behind, and nobody announces it."""
    pool = database.engine.pool
    assert isinstance(pool, QueuePool)
    async with asyncio.timeout(30):
        while pool.checkedout():  # noqa: ASYNC110 - as above
            await asyncio.sleep(0)


@pytest.mark.store
@pytest.mark.parametrize("kind", ["postgresql"])
@pytest.mark.parametrize("before", ["connected", "new"])
async def test_a_server_that_hangs_is_waited_for_once_and_then_used_again(
    kind: str, url: str, before: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = make_url(url)
    async with models_on(url) as direct, proxied(server.port or 5432) as proxy:
        through = server.set(port=proxy.port).render_as_string(hide_password=False)
        database: Database[Work] = Database(through, default_models(), connections=2, statement_timeout=600)
        if before == "connected":
            assert await database.ready()
        monkeypatch.setattr("fastness.accounts.db.ANSWER", 0.2)
        proxy.hang()

        # Neither the wait for one of two places nor the statement's ten minutes come on top.
        async with asyncio.timeout(30):
            hung = await asyncio.gather(*(database.ready() for _ in range(6)))
            with pytest.raises(Unavailable):
                await add(database, "late@example.com")

        proxy.flow()
        async with asyncio.timeout(30):
            while not await database.ready():  # noqa: ASYNC110 - nobody announces it
                await asyncio.sleep(0)
        await add(database, "after@example.com")
        await every_place_is_free(database)
        await database.close()
        assert await by_email(direct, "after@example.com") is not None
        assert await by_email(direct, "late@example.com") is None

    assert hung == [False] * 6


@pytest.mark.store
async def test_a_server_that_hangs_after_its_first_answer_is_waited_for_no_longer_than_a_statement_may_take() -> None:
    with postgres_server() as server:
        database: AccountDatabase = Database(server.url, default_models(), statement_timeout=2.0)
        await database.create_tables()
        waited = list[float]()
        for way in (database.read, database.write):
            with pytest.raises(Unavailable):
                async with way() as work:
                    await work.users.by_email("ada@example.com")
                    server.freeze()
                    began = time.monotonic()
                    await work.users.by_email("ada@example.com")
            waited.append(time.monotonic() - began)
            server.thaw()
            async with asyncio.timeout(30):
                while not await database.ready():  # noqa: ASYNC110 - nobody announces it
                    await asyncio.sleep(0)
        await every_place_is_free(database)
        await database.close()

    assert max(waited) < 3.5


@BOTH
async def test_more_callers_than_connections_wait_their_turn(kind: str, url: str) -> None:
    database: Database[Work] = Database(url, default_models(), connections=2)
    await database.create_tables()

    await at_once(40, lambda i: add(database, f"{i}@example.com"))

    async with database.read() as work:
        assert (await work.users.page(limit=1)).total == 40
    await database.close()


@BOTH
async def test_a_killed_process_leaves_every_acknowledged_account_and_no_half_one(kind: str, url: str) -> None:
    async with models_on(url) as db:
        for round_ in range(3):
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-c", REGISTERING, url, str(round_), stdout=asyncio.subprocess.PIPE
            )
            assert process.stdout is not None
            # Somewhere in the middle of the work: after a number of answers, and between two of them.
            acknowledged = [(await process.stdout.readline()).decode().strip() for _ in range(20 + 7 * round_)]
            process.send_signal(signal.SIGKILL)
            rest = (await process.stdout.read()).decode()
            acknowledged += [line for line in rest.split("\n")[:-1] if line.endswith("!")]
            await process.wait()

            assert len(acknowledged) >= 20
            for line in acknowledged:
                account = await by_email(db, line.rstrip("!"))
                assert account is not None
                async with db.read() as work:
                    assert len(await work.sessions.list(account.id, now=2.0)) == 1
            async with db.engine.connect() as connection:
                half = await connection.execute(
                    text(
                        "SELECT count(*) FROM users WHERE NOT EXISTS "
                        "(SELECT 1 FROM fastness_sessions s WHERE s.user_id = users.id)"
                    )
                )
                assert half.scalar() == 0


REGISTERING = textwrap.dedent("""
    import asyncio, sys
    from fastness.accounts.db import Database
    from fastness.accounts.models import default_models

    async def register(db, worker):
        for i in range(10_000):
            address = f"{sys.argv[2]}-{worker}-{i}@example.com"
            async with db.write() as work:
                account = await work.users.add(
                    email=address, canonical=address, name="", password_hash="hash", now=1.0)
                await work.sessions.open(account.id, now=1.0, idle=9, absolute=9, cap=3, address="", agent="")
            sys.stdout.write(address + "!\\n")
            sys.stdout.flush()

    async def main():
        db = Database(sys.argv[1], default_models())
        await asyncio.gather(*(register(db, worker) for worker in range(8)))

    asyncio.run(main())
""")


async def by_email(db: AccountDatabase, address: str) -> Account | None:
    async with db.read() as work:
        return await work.users.by_email(address)


async def drop_connections(url: str) -> None:
    """End every connection to this database, and let the event loop see it."""
    await on_server(
        f"SELECT pg_terminate_backend(pid, 2000) FROM pg_stat_activity WHERE datname = '{make_url(url).database}'"
    )
    await asyncio.sleep(0)
