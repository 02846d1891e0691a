"""An empty database for one test: SQLite in a temporary file, or PostgreSQL made for it and dropped."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import AsyncIterator
from pathlib import Path

from sqlalchemy import make_url, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from databases import postgres_url


@contextlib.asynccontextmanager
async def fresh_url(kind: str, folder: Path) -> AsyncIterator[str]:
    """The URL of an empty database of this kind (sqlite, postgresql) that is gone afterwards."""
    name = f"fastness_{secrets.token_hex(6)}"
    if kind == "sqlite":
        yield f"sqlite+aiosqlite:///{folder / name}.db"
        return
    await on_server(f'CREATE DATABASE "{name}"')
    try:
        yield make_url(postgres_url()).set(database=name).render_as_string(hide_password=False)
    finally:
        await on_server(f'DROP DATABASE "{name}" WITH (FORCE)')


async def on_server(statement: str) -> None:
    """Run one statement on the PostgreSQL server, outside every test's database."""
    engine = create_async_engine(postgres_url(), poolclass=NullPool, isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        await connection.execute(text(statement))
    await engine.dispose()
