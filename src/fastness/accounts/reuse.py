"""SQLite gives the number of a deleted row to the next one, unless it is told not to.

Sessions, and access tokens that are still out, would then be those of somebody else.
"""

from __future__ import annotations

from sqlalchemy import Engine, Table, event, text
from sqlalchemy.ext.asyncio import AsyncEngine

from fastness.accounts.db import Database
from fastness.accounts.models import Work
from fastness.core.errors import UnsafeConfiguration


def enforce_foreign_keys(engine: Engine | AsyncEngine) -> None:
    """Let every new connection of this engine keep foreign keys, which SQLite does only when it is told. Call it once."""
    event.listen(engine.sync_engine if isinstance(engine, AsyncEngine) else engine, "connect", _enforce)


async def refuse_reused_numbers(db: Database[Work], table: Table) -> None:
    """Look at the table as it is in the database.

    Raises:
        UnsafeConfiguration: numbers are given again, and what hangs on them stays behind.
    """
    if db.url.get_backend_name() != "sqlite":
        return
    async with db.read() as work:
        connection = work.users.connection
        found = await connection.execute(text("SELECT sql FROM sqlite_master WHERE name = :name"), {"name": table.name})
        made = str(found.scalar() or "")
        kept = await db.foreign_keys(connection)
    numbered = any(column.type.python_type is int for column in table.primary_key)
    # A table that is not there yet, because the application makes it later in its start, is for another start to judge.
    if numbered and made and not kept and "AUTOINCREMENT" not in made.upper():
        raise UnsafeConfiguration(
            "a deleted account would leave its sessions to the next one",
            where=f"the table {table.name} and its engine",
            why="SQLite gives a freed number again, and keeps foreign keys only when it is told to",
            fix="call fastness.accounts.enforce_foreign_keys(engine) where the engine is made, or make the table with "
            "sqlite_autoincrement=True",
        )


def _enforce(connection: object, _record: object) -> None:
    cursor = connection.cursor()  # type: ignore[attr-defined]
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()
