"""What SQLite and PostgreSQL each want: their URLs, their first words, and their ways to be away."""

from __future__ import annotations

import contextlib
import logging
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import event, exc, make_url
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from fastness.accounts import trips
from fastness.core.errors import MissingExtra, Unavailable
from fastness.stores.sqlite import PATIENCE, prepare

ANSWER = 4.0
"""Seconds that PostgreSQL has: for a connection and its first answer together, then for each statement. A request may
begin with others that went well, and is still told within five seconds when the server hangs."""


def normalized(url: str) -> URL:
    """A URL with our async driver: `sqlite:///x`, `postgres://...` and `postgresql://...` are understood.

    Raises:
        ValueError: no such database is supported. The message does not repeat the URL: it may hold a password.
        MissingExtra: PostgreSQL without its driver.
    """
    try:
        parsed = make_url(url)
    except (exc.ArgumentError, ValueError):
        raise ValueError('the database URL is not a URL; write "sqlite:///file.db" or "postgresql://..."') from None
    backend = {"postgres": "postgresql"}.get(parsed.drivername.partition("+")[0], parsed.drivername.partition("+")[0])
    if backend == "sqlite":
        return parsed.set(drivername="sqlite+aiosqlite")
    if backend != "postgresql":
        raise ValueError("the database is not supported; use SQLite or PostgreSQL")
    try:
        import asyncpg  # type: ignore[import-untyped, unused-ignore]  # noqa: F401
    except ImportError:
        raise MissingExtra("PostgreSQL", "postgres") from None
    if "sslmode" in parsed.query:
        # What libpq calls sslmode, and providers hand out, the driver calls ssl.
        mode = parsed.query["sslmode"]
        parsed = parsed.difference_update_query(["sslmode"]).update_query_dict({"ssl": mode})
    return parsed.set(drivername="postgresql+asyncpg")


def file_of(url: URL) -> Path | None:
    """The file of a SQLite database, or None for one in memory."""
    name = url.database
    return None if not name or name == ":memory:" or name.startswith("file:") else Path(name)


def make_private(file: Path) -> None:
    """Make the file, if it is not there, so that only its owner reads it.

    Raises:
        OSError: it cannot be made, or is no file.
    """
    # SQLite gives -wal and -shm the mode of the file; made here first, it never exists with a wider one. A file that
    # is there is not opened: closing it would drop the locks that SQLite holds on it in this process.
    try:
        if not stat.S_ISREG(file.stat().st_mode):
            raise IsADirectoryError
    except FileNotFoundError:
        with contextlib.suppress(FileExistsError):
            os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))


def made(url: URL, *, echo: bool, connections: int, statement_timeout: float) -> AsyncEngine:
    """An engine of our own for a normalized URL; times in seconds."""
    options: dict[str, Any] = {"echo": echo, "hide_parameters": True}
    sqlite = url.get_backend_name() == "sqlite"
    if sqlite:
        # Autocommit leaves BEGIN to us: the driver would begin late, and then a read-then-write can fail as busy.
        # Every transaction here ends by its own COMMIT or ROLLBACK, so the pool need not send another.
        options |= {
            "isolation_level": "AUTOCOMMIT",
            "skip_autocommit_rollback": True,
            "connect_args": {"timeout": PATIENCE},
            "pool_reset_on_return": None,
        }
    else:
        options["connect_args"] = {"timeout": ANSWER, "command_timeout": statement_timeout}
    if not sqlite or file_of(url) is not None:
        options |= {
            "pool_size": connections,
            "max_overflow": 0,
            "pool_timeout": PATIENCE if sqlite else ANSWER,
            # The last one used has pages and statements at hand, and what several have read the next write makes stale.
            "pool_use_lifo": sqlite,
        }
    engine = create_async_engine(url, **options)
    if sqlite:
        quiet_driver()
        event.listen(engine.sync_engine, "do_connect", trips.connect)
        event.listen(engine.sync_engine, "connect", prepare_sqlite)
    else:
        event.listen(engine.sync_engine, "checkout", refuse_dead)
    return engine


def quiet_driver() -> None:
    """Keep bound values (addresses, names, hashes) out of the log: at DEBUG aiosqlite writes every one."""
    logging.getLogger("aiosqlite").setLevel(logging.INFO)


def prepare_sqlite(connection: Any, _record: Any) -> None:
    """What every connection to SQLite is told first."""
    prepare(connection, "foreign_keys=ON")


def refuse_dead(connection: Any, _record: Any, _proxy: Any) -> None:
    """Let the pool take another connection when the server has closed this one."""
    # The event loop has seen the socket close: the pool then takes another, without the round trip of a ping.
    if connection.driver_connection.is_closed():
        raise exc.DisconnectionError


_BUSY_SQLITE = frozenset({5, 6, 8, 10, 13, 14, 15})
"""BUSY, LOCKED, READONLY, IOERR, FULL, CANTOPEN, PROTOCOL (https://sqlite.org/rescode.html)."""

_AWAY_POSTGRESQL = ("08", "53", "57", "40", "55P03", "25006")
"""SQLSTATE: connection, resources, operator intervention, rollback (deadlock), lock, read-only (a failed-over node)."""


def away(error: OSError | exc.TimeoutError | exc.DBAPIError) -> bool:
    """Whether the database is away, busy or too slow, rather than asked something wrong."""
    if not isinstance(error, exc.DBAPIError):
        return True
    code = getattr(error.orig, "sqlite_errorcode", None)
    if code is not None:
        return code & 0xFF in _BUSY_SQLITE
    state = getattr(error.orig, "sqlstate", None) or getattr(error.orig, "pgcode", None)  # psycopg2's name for it
    if state is None:
        # psycopg tells a server that is not there without a state.
        return error.connection_invalidated or isinstance(error, exc.OperationalError)
    return error.connection_invalidated or state.startswith(_AWAY_POSTGRESQL)


@contextlib.contextmanager
def unavailable() -> Iterator[None]:
    """Tell a database that is away as what it is for a client.

    Raises:
        Unavailable: with the kind of the error only: driver messages quote values.
    """
    try:
        yield
    except (OSError, exc.TimeoutError, exc.DBAPIError) as error:
        if away(error):
            raise Unavailable(f"database: {kind(error)}") from error
        raise


def kind(error: BaseException) -> str:
    """The kind of an error, without its text: drivers quote values and addresses."""
    return type(getattr(error, "orig", None) or error).__name__
