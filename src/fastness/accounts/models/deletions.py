"""Deletions that were asked for and can be taken back: the account is suspended meanwhile, and its row here says why."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Boolean, Column, ForeignKey, MetaData, Table, bindparam, delete, false, select, true, update
from sqlalchemy.ext.asyncio import AsyncConnection

from fastness.accounts.models.account import AccountTable
from fastness.accounts.models.columns import Seconds, inserts


def deletion_table(metadata: MetaData, accounts: AccountTable) -> Table:
    """The table of deletions that wait."""
    return Table(
        "fastness_deletions",
        metadata,
        Column("user_id", accounts.key.type, ForeignKey(accounts.key, ondelete="CASCADE"), primary_key=True),
        Column("asked_at", Seconds, nullable=False),
        Column("due_at", Seconds, nullable=False, index=True),
        Column("final", Boolean, nullable=False),
    )


class DeletionSQL:
    """The statements about deletions, built once."""

    def __init__(self, table: Table, accounts: AccountTable) -> None:
        t = table.c
        self.accounts = accounts
        one, now = t.user_id == bindparam("key"), bindparam("now", type_=Seconds[float]())
        self.put = {
            name: insert.on_conflict_do_update(
                index_elements=["user_id"],
                set_={"asked_at": insert.excluded.asked_at, "due_at": insert.excluded.due_at},
            )
            for name, insert in inserts(table).items()
        }
        self.waits = select(t.due_at).where(one, t.final == false(), t.due_at > now)
        # These two decide between taking back and carrying out: a row goes once.
        self.cancel = delete(table).where(one, t.final == false(), t.due_at > now).returning(t.user_id)
        self.take = delete(table).where(one, t.due_at <= now).returning(t.user_id)
        self.due = select(t.user_id).where(t.due_at <= now).order_by(t.due_at).limit(bindparam("most"))
        self.bar = update(table).where(one).values(final=true())
        self.drop = delete(table).where(one)


@dataclass(frozen=True, slots=True)
class Deletions:
    """Queries about deletions, bound to one connection. Hold the account before each that changes something."""

    connection: AsyncConnection
    sql: DeletionSQL

    async def put(self, user_id: str, *, now: float, due: float) -> None:
        """Let the account be deleted at `due`."""
        row = {"user_id": self.sql.accounts.parse(user_id), "asked_at": now, "due_at": due, "final": False}
        await self.connection.execute(self.sql.put[self.connection.dialect.name], row)

    async def waits(self, user_id: str, *, now: float) -> float | None:
        """Until when its owner may take it back; None when there is nothing to take back."""
        key = self.sql.accounts.parse(user_id)
        until: float | None = (await self.connection.execute(self.sql.waits, {"key": key, "now": now})).scalar()
        return until

    async def cancel(self, user_id: str, *, now: float) -> bool:
        """Take it back, for its owner; only one caller ever succeeds."""
        place = {"key": self.sql.accounts.parse(user_id), "now": now}
        return (await self.connection.execute(self.sql.cancel, place)).first() is not None

    async def take(self, user_id: str, *, now: float) -> bool:
        """Begin to carry it out; only one caller ever succeeds, and nobody can take it back any more."""
        place = {"key": self.sql.accounts.parse(user_id), "now": now}
        return (await self.connection.execute(self.sql.take, place)).first() is not None

    async def due(self, *, now: float, most: int) -> tuple[str, ...]:
        """Accounts whose time is over, the longest first."""
        rows = await self.connection.execute(self.sql.due, {"now": now, "most": most})
        return tuple(str(key) for key in rows.scalars())

    async def bar(self, user_id: str) -> None:
        """Let the owner take nothing back: an administrator suspended the account."""
        await self.connection.execute(self.sql.bar, {"key": self.sql.accounts.parse(user_id)})

    async def drop(self, user_id: str) -> None:
        """Let nothing be deleted: an administrator lifted the suspension."""
        await self.connection.execute(self.sql.drop, {"key": self.sql.accounts.parse(user_id)})
