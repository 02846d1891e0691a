"""An empty database for one test: SQLite in a temporary file, or one on PostgreSQL.

Making and dropping a database costs PostgreSQL a third of a second and a checkpoint. So a process empties those that its
tests have used, gives them to later ones under another name, and drops them at its end.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import secrets
from collections.abc import AsyncIterator
from pathlib import Path

from sqlalchemy import make_url, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from databases import postgres_url

_EMPTIED = """
DO $$ DECLARE used name; BEGIN
    FOR used IN SELECT nspname FROM pg_namespace WHERE nspname !~ '^(pg_|information_schema$)' LOOP
        EXECUTE format('DROP SCHEMA %I CASCADE', used);
    END LOOP;
    CREATE SCHEMA public AUTHORIZATION pg_database_owner;
    GRANT USAGE ON SCHEMA public TO PUBLIC;
    PERFORM pg_stat_reset();
END $$"""

_kept: list[str] = []


@contextlib.asynccontextmanager
async def fresh_url(kind: str, folder: Path) -> AsyncIterator[str]:
    """The URL of an empty database of this kind (sqlite, postgresql) that is gone afterwards."""
    name = f"fastness_{secrets.token_hex(6)}"
    if kind == "sqlite":
        yield f"sqlite+aiosqlite:///{folder / name}.db"
        return
    await _made(name)
    try:
        yield make_url(postgres_url()).set(database=name).render_as_string(hide_password=False)
    finally:
        await _given_back(name)


async def on_server(statement: str, database: str | None = None) -> None:
    """Run one statement on the PostgreSQL server, outside every test's database or in this one."""
    url = make_url(postgres_url())
    engine = create_async_engine(
        url.set(database=database or url.database), poolclass=NullPool, isolation_level="AUTOCOMMIT"
    )
    async with engine.connect() as connection:
        await connection.execute(text(statement))
    await engine.dispose()


async def strict(url: str) -> None:
    """Let SERIALIZABLE be what transactions on this PostgreSQL database are that say nothing else, from new connections on."""
    await on_server(f"ALTER DATABASE \"{make_url(url).database}\" SET default_transaction_isolation = 'serializable'")


async def drop_kept() -> None:
    """Drop what waits to be used again: nothing of this process is left on the server."""
    while _kept:
        await _dropped(_kept.pop())


async def _made(name: str) -> None:
    while _kept:
        used = _kept.pop()
        try:
            await on_server(f'ALTER DATABASE "{used}" RENAME TO "{name}"')
        except DBAPIError:  # somebody of an earlier test has come back to it
            await _dropped(used)
        else:
            return
    await on_server(f'CREATE DATABASE "{name}"')


async def _given_back(name: str) -> None:
    try:
        await on_server(f"SELECT pg_terminate_backend(pid, 2000) FROM pg_stat_activity WHERE datname = '{name}'")
        await on_server(f'ALTER DATABASE "{name}" RESET ALL')
        await on_server(_EMPTIED, name)
    except DBAPIError:
        await _dropped(name)
    else:
        _kept.append(name)


async def _dropped(name: str) -> None:
    await on_server(f'DROP DATABASE "{name}" WITH (FORCE)')


@atexit.register
def _end() -> None:
    if _kept:
        asyncio.run(drop_kept())
