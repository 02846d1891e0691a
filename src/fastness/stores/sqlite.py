"""What a new connection to SQLite is told first, and how long it asks."""

from __future__ import annotations

import asyncio
import sqlite3
from typing import Any

PATIENCE = 5.0
"""Seconds that another's lock may take."""
_PAUSE = 0.01


def prepare(connection: Any, *pragmas: str) -> None:
    """Wait up to `PATIENCE` for locks, switch the file to WAL with synchronous=NORMAL, and set `pragmas`.

    `connection` is what SQLAlchemy gives listeners of "connect" of an async engine.

    Raises:
        sqlite3.OperationalError: the file stayed locked, or cannot be used.
    """
    _tell(connection, "busy_timeout=0")
    for left in reversed(range(int(PATIENCE / _PAUSE))):
        try:
            _tell(connection, "journal_mode=WAL")
            break
        except sqlite3.OperationalError as error:
            # SQLite does not wait where two go from a shared to an exclusive lock: of several processes that open a new
            # file at once, all but one are told that it is locked (https://sqlite.org/c3ref/busy_handler.html).
            if not left or error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                raise
            connection.run_async(_pause)
    for pragma in (f"busy_timeout={int(PATIENCE * 1000)}", "synchronous=NORMAL", *pragmas):
        _tell(connection, pragma)


def _tell(connection: Any, pragma: str) -> None:
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


async def _pause(_connection: Any) -> None:
    await asyncio.sleep(_PAUSE)
