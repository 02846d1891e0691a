"""Counters and one-time values in SQLite or PostgreSQL, exact for every process that shares the database.

One SQL statement decides each thing: what two processes ask at once, the database puts in order. Each is a transaction by
itself, so no lock outlives one, and none reads before it writes, which is what makes SQLite answer "database is
locked". On PostgreSQL the database's clock counts, since those of the workers differ; on SQLite all are on one machine.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from typing import TYPE_CHECKING, Any

from fastness.core.clock import Clock, wall
from fastness.core.errors import MissingExtra
from fastness.core.store import Hit, Rate
from fastness.stores.naming import LONGEST, bounded

try:
    from sqlalchemy import BigInteger, Boolean, Column, Index, MetaData, String, Table, Text, event, text
    from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
    from sqlalchemy.schema import CreateIndex, CreateTable

    from fastness.stores.alone import Alone
    from fastness.stores.sqlite import prepare
except ImportError as error:  # pragma: no cover - needs an environment without the extra
    raise MissingExtra("fastness.stores.sql", "service") from error

if TYPE_CHECKING:
    from sqlalchemy import TextClause

_PREFIX = re.compile(r"\A[a-z_][a-z0-9_]{0,39}\Z")
_DATABASE_NOW = "CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)"
_TABLES_LOCK = 0x666E7373  # any number that only we use

# The clock is read once, and only when the row is ours: hits that waited for each other are counted in the order in
# which they got it. RETURNING reads it again, microseconds later, which never shows less than was decided.
_HIT = """
INSERT INTO {prefix}counters AS c (key, full_until, allowed) VALUES (:key, {now} + CAST(:interval AS BIGINT), TRUE)
ON CONFLICT (key) DO UPDATE SET (allowed, full_until) = (
    SELECT c.full_until - clock.now <= :slack, CASE WHEN c.full_until - clock.now <= :slack
        THEN {most}(c.full_until, clock.now) + CAST(:interval AS BIGINT)
        ELSE {least}(c.full_until, clock.now + CAST(:window AS BIGINT)) END
    FROM (SELECT {now} AS now) AS clock
)
RETURNING allowed, full_until, {now}
"""
_PUT = """
INSERT INTO {prefix}once AS o (key, value, expires) VALUES (:key, :value, {now} + CAST(:ttl AS BIGINT))
ON CONFLICT (key) DO UPDATE SET value = excluded.value, expires = excluded.expires WHERE o.expires <= {now}
RETURNING key
"""
_CONSUME = "DELETE FROM {prefix}once WHERE key = :key RETURNING value, expires > {now}"
_RESET = "DELETE FROM {prefix}counters WHERE key = :key"
# The age is asked twice: between finding a row and deleting it, a hit may have made it young again.
_PURGE = """
DELETE FROM {prefix}{table} WHERE {age} <= {now}
AND key IN (SELECT key FROM {prefix}{table} WHERE {age} <= {now} LIMIT :batch)
"""


def tables(metadata: MetaData, *, prefix: str = "fastness_") -> tuple[Table, Table]:
    """The two tables, added to `metadata`, for Alembic's autogenerate. Times are Unix microseconds.

    Raises:
        ValueError: when the prefix is more than lower-case letters, digits and underscores.
    """
    if not _PREFIX.match(prefix):
        raise ValueError("a table prefix is lower-case letters, digits and underscores")
    counters = Table(
        f"{prefix}counters",
        metadata,
        Column("key", String(LONGEST), primary_key=True),
        # No index: with one, PostgreSQL could not update the row in place, and hits are many, purges few.
        Column("full_until", BigInteger, nullable=False),
        Column("allowed", Boolean, nullable=False),
    )
    once = Table(
        f"{prefix}once",
        metadata,
        Column("key", String(LONGEST), primary_key=True),
        Column("value", Text, nullable=False),
        Column("expires", BigInteger, nullable=False),
        Index(f"{prefix}once_expires", "expires"),
    )
    return counters, once


metadata = MetaData()
"""Holds the tables with the default prefix."""
tables(metadata)


def engine_for(url: str) -> AsyncEngine:
    """An engine for short statements: on SQLite with WAL, one connection per process and 5 s of patience for others.

    Take one even where the application has its own: a counter must not wait for a transaction.
    """
    if not url.startswith("sqlite"):
        return create_async_engine(url)
    engine = create_async_engine(url, pool_size=1, max_overflow=0)
    event.listen(engine.sync_engine, "connect", lambda connection, _record: prepare(connection))
    return engine


class SqlStore:
    """A `CounterStore` and `OnceStore` that all processes share. Call `purge` now and then."""

    def __init__(self, engine: AsyncEngine, *, now: Clock | None = None, prefix: str = "fastness_") -> None:
        """`now` overrides the clock (Unix seconds), for tests.

        Raises:
            ValueError: for another database than SQLite (3.35 or newer) or PostgreSQL, or a bad prefix.
        """
        dialect = engine.dialect.name
        if dialect not in {"sqlite", "postgresql"}:
            raise ValueError(f"SqlStore knows SQLite and PostgreSQL, not {dialect}")
        self._tables = tables(MetaData(), prefix=prefix)
        self._postgresql = dialect == "postgresql"
        self._transactions = engine
        self._alone = Alone(engine)
        self._now = now if now is not None or self._postgresql else wall
        # Tasks of one process queue here and not in SQLite, whose waiting is polling.
        self._turn = None if self._postgresql else asyncio.Lock()
        words = {
            "prefix": prefix,
            "now": "CAST(:now AS BIGINT)" if self._now is not None else _DATABASE_NOW,
            "most": "greatest" if self._postgresql else "max",
            "least": "least" if self._postgresql else "min",
        }
        self._hit, self._put, self._consume, self._reset, purge_counters, purge_once = (
            text(sql.format(**words, **more))
            for sql, more in (
                (_HIT, {}),
                (_PUT, {}),
                (_CONSUME, {}),
                (_RESET, {}),
                (_PURGE, {"table": "counters", "age": "full_until"}),
                (_PURGE, {"table": "once", "age": "expires"}),
            )
        )
        self._purges = (purge_counters, purge_once)

    async def create_tables(self) -> None:
        """Create what is missing. Several processes may do this at once."""
        async with self._transactions.begin() as connection:
            if self._postgresql:
                await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _TABLES_LOCK})
            for table in self._tables:
                await connection.execute(CreateTable(table, if_not_exists=True))
                for index in table.indexes:
                    await connection.execute(CreateIndex(index, if_not_exists=True))

    async def hit(self, key: str, rate: Rate) -> Hit:
        """Count one hit."""
        slack = rate.window - rate.interval
        values = {"interval": rate.interval, "window": rate.window, "slack": slack}
        row = await self._one(self._hit, key=bounded(key), **values)
        if row is None:  # pragma: no cover - the statement always returns its row
            raise RuntimeError("the counter statement returned nothing")
        allowed, full_until, now = row
        used = full_until - now
        if allowed:
            return Hit(True, (rate.window - used) // rate.interval, 0.0, used / 1e6)
        return Hit(False, 0, max(used - slack, 1) / 1e6, used / 1e6)

    async def reset(self, key: str) -> None:
        """Forget `key`."""
        await self._run(self._reset, key=bounded(key))

    async def put_once(self, key: str, value: str, *, ttl: float) -> bool:
        """Store `value` for `ttl` seconds; False when the key is there already."""
        return await self._one(self._put, key=bounded(key), value=value, ttl=round(ttl * 1e6)) is not None

    async def consume(self, key: str) -> str | None:
        """Take the value out; only one caller ever gets it."""
        row = await self._one(self._consume, key=bounded(key))
        return row[0] if row is not None and row[1] else None

    async def purge(self, *, batch: int = 1000) -> int:
        """Delete what has expired, `batch` rows in one statement; gives how many went."""
        gone = 0
        for statement in self._purges:
            count = batch
            while count >= batch:
                count = await self._run(statement, batch=batch)
                gone += count
        return gone

    async def close(self) -> None:
        """Close the connections of the engine."""
        await self._transactions.dispose()

    async def _one(self, statement: TextClause, **values: Any) -> tuple[Any, ...] | None:
        async with self._queue():
            row = await self._alone.run(statement, self._timed(values), lambda found: found.one_or_none())
        return None if row is None else tuple(row)

    async def _run(self, statement: TextClause, **values: Any) -> int:
        async with self._queue():
            return await self._alone.run(statement, self._timed(values), lambda found: found.rowcount)

    def _queue(self) -> Any:
        return self._turn or contextlib.nullcontext()

    def _timed(self, values: dict[str, Any]) -> dict[str, Any]:
        if self._now is not None:
            values["now"] = int(self._now() * 1e6 + 0.5)
        return values
