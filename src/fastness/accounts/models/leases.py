"""Leases of live worker processes, so that they can be counted."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Column, MetaData, String, Table, bindparam, delete, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from fastness.accounts.models.columns import Seconds, inserts


def lease_table(metadata: MetaData) -> Table:
    """The table of worker leases."""
    return Table(
        "fastness_leases",
        metadata,
        Column("worker", String(64), primary_key=True),
        Column("expires_at", Seconds, nullable=False),
    )


class LeaseSQL:
    """The statements about leases, built once."""

    def __init__(self, table: Table) -> None:
        t = table.c
        self.hold = {
            name: insert.on_conflict_do_update(
                index_elements=["worker"], set_={"expires_at": insert.excluded["expires_at"]}
            )
            for name, insert in inserts(table).items()
        }
        self.release = delete(table).where(t.worker == bindparam("given"))
        self.live = select(func.count()).select_from(table).where(t.expires_at > bindparam("now"))


@dataclass(frozen=True, slots=True)
class Leases:
    """Queries about worker leases, bound to one connection."""

    connection: AsyncConnection
    sql: LeaseSQL

    async def hold(self, worker: str, *, now: float, ttl: float) -> None:
        """Take or renew the lease of a worker for `ttl` seconds."""
        statement = self.sql.hold[self.connection.dialect.name]
        await self.connection.execute(statement, {"worker": worker, "expires_at": now + ttl})

    async def release(self, worker: str) -> None:
        """Give the lease back."""
        await self.connection.execute(self.sql.release, {"given": worker})

    async def live(self, now: float) -> int:
        """How many workers hold a lease."""
        return int((await self.connection.execute(self.sql.live, {"now": now})).scalar_one())
