"""What an earlier test left in a database is nobody else's: databases are used again, and are as new."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine

from fresh_database import fresh_url, on_server

pytestmark = [pytest.mark.anyio, pytest.mark.store]

LEFT = [
    "CREATE TABLE public.left_behind (id serial PRIMARY KEY)",
    "CREATE SCHEMA elsewhere",
    "CREATE TABLE elsewhere.left_behind (id int)",
    "CREATE FUNCTION left_behind() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "REVOKE USAGE ON SCHEMA public FROM PUBLIC",
]
OBJECTS = """
SELECT (SELECT count(*) FROM pg_class WHERE relname LIKE 'left_behind%')
     + (SELECT count(*) FROM pg_proc WHERE proname = 'left_behind')
     + (SELECT count(*) FROM pg_namespace WHERE nspname = 'elsewhere')"""


async def asked(url: str, statement: str) -> object:
    engine = create_async_engine(url)
    async with engine.connect() as connection:
        found: object = await connection.scalar(text(statement))
    await engine.dispose()
    return found


@pytest.mark.parametrize("kind", ["postgresql"])
async def test_a_database_that_was_used_before_is_empty_and_has_another_name(kind: str, tmp_path: Path) -> None:
    async with fresh_url(kind, tmp_path) as first:
        engine = create_async_engine(first)
        idle = await engine.connect()  # as a test that fails leaves one
        for statement in LEFT:
            await idle.execute(text(statement))
        await idle.commit()
        await on_server(f"ALTER DATABASE \"{first.rsplit('/', 1)[1]}\" SET work_mem = '77MB'")
        same = await asked(first, "SELECT oid::int FROM pg_database WHERE datname = current_database()")

    async with fresh_url(kind, tmp_path) as second:
        assert await asked(second, "SELECT oid::int FROM pg_database WHERE datname = current_database()") == same
        assert second != first
        assert await asked(second, OBJECTS) == 0
        assert await asked(second, "SHOW work_mem") != "77MB"
        assert await asked(second, "SELECT has_schema_privilege('public', 'public', 'USAGE')") is True
        with pytest.raises(DBAPIError):
            await idle.execute(text("SELECT 1"))
    await engine.dispose()
