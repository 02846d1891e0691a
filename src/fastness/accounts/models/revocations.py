"""The log that tells every worker what no longer counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sqlalchemy import BigInteger, Column, Integer, MetaData, String, Table, bindparam, delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from fastness.accounts.models.columns import Seconds

Kind = Literal["session", "user", "token"]

_WRITERS = 7_310_579_012_166_439_540
"""The advisory lock of this log's writers on PostgreSQL; any constant nobody else uses."""


@dataclass(frozen=True, slots=True)
class Revocation:
    """One entry: until `until` (Unix seconds) older tokens of this subject do not count."""

    seq: int
    kind: Kind
    subject: str
    until: float
    version: int | None
    """For a user: the lowest version that still counts."""


def revocation_table(metadata: MetaData) -> Table:
    """The table of revocations. AUTOINCREMENT, so that SQLite never gives a purged number again."""
    return Table(
        "fastness_revocations",
        metadata,
        Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
        Column("kind", String(16), nullable=False),
        Column("subject", String(255), nullable=False),
        Column("until", Seconds, nullable=False),
        Column("version", Integer),
        sqlite_autoincrement=True,
    )


class RevocationSQL:
    """The statements about revocations, built once."""

    def __init__(self, table: Table) -> None:
        t = table.c
        self.wait = select(func.pg_advisory_xact_lock(_WRITERS))
        self.add = insert(table).returning(t.seq)
        self.since = (
            select(t.seq, t.kind, t.subject, t.until, t.version)
            .where(t.seq > bindparam("after"), t.until > bindparam("now"))
            .order_by(t.seq)
        )
        self.purge = delete(table).where(t.until <= bindparam("now"))


@dataclass(frozen=True, slots=True)
class RevocationLog:
    """Queries about the revocation log, bound to one connection."""

    connection: AsyncConnection
    sql: RevocationSQL

    async def add(self, kind: Kind, subject: str, until: float, version: int | None = None) -> int:
        """Append an entry and give its number. Call it last in a transaction: writers wait for each other.

        They must: PostgreSQL hands out numbers before the commit, so without the wait a reader could see number 6,
        ask for what follows it, and never see number 5.
        """
        if self.connection.dialect.name == "postgresql":
            await self.connection.execute(self.sql.wait)
        values = {"kind": kind, "subject": subject, "until": until, "version": version}
        return int((await self.connection.execute(self.sql.add, values)).scalar_one())

    async def since(self, seq: int, *, now: float = 0.0) -> list[Revocation]:
        """Entries after `seq` that matter after `now`, in order; none is ever skipped."""
        rows = await self.connection.execute(self.sql.since, {"after": seq, "now": now})
        return [Revocation(*row) for row in rows]

    async def purge(self, now: float) -> int:
        """Delete entries that no longer matter; how many there were."""
        return (await self.connection.execute(self.sql.purge, {"now": now})).rowcount
