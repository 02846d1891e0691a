"""The outbox: mails that wait to be sent, sealed, in the same transaction as what they tell of.

A mail holds codes, so a row holds nothing that a dump of the table gives away. A row is taken for a while and deleted
when its mail is sent: after a crash another worker takes it again, so that a mail may come twice and is never lost.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import (
    Column,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    bindparam,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from fastness.accounts.models.columns import Seconds

FARTHEST = 3600.0
"""Seconds ahead in which every row is due; what is due later was written by a clock that has jumped back since."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """One row that was taken. Times are Unix seconds."""

    id: str
    sealed: str = field(repr=False)
    attempts: int
    """How often it was taken, this time included."""
    expires_at: float


def outbox_table(metadata: MetaData) -> Table:
    """The table of mails that wait."""
    return Table(
        "fastness_outbox",
        metadata,
        Column("id", String(32), primary_key=True),
        Column("sealed", Text, nullable=False),
        Column("attempts", Integer, nullable=False),
        Column("due_at", Seconds, nullable=False, index=True),
        Column("expires_at", Seconds, nullable=False),
    )


class OutboxSQL:
    """The statements about the outbox, built once."""

    def __init__(self, table: Table) -> None:
        t = table.c
        self.put = insert(table)
        row = [bindparam(f"new_{column.name}", type_=column.type) for column in table.columns]
        waiting = select(func.count()).select_from(table).scalar_subquery()
        self.put_if_room = insert(table).from_select(list(t), select(*row).where(waiting < bindparam("capacity")))
        due = or_(t.due_at <= bindparam("now"), t.due_at > bindparam("jumped"))
        self.due = select(t.id).where(due).limit(1)
        some = select(t.id).where(due).order_by(t.due_at, t.id).limit(bindparam("most"))
        self.take = (
            update(table)
            .where(t.id.in_(some.with_for_update(skip_locked=True).scalar_subquery()))
            .values(attempts=t.attempts + 1, due_at=bindparam("until"))
            .returning(t.id, t.sealed, t.attempts, t.expires_at)
        )
        one = t.id == bindparam("row")
        self.later = update(table).where(one).values(due_at=bindparam("at"), sealed=bindparam("with_seal"))
        self.free = update(table).where(t.id.in_(bindparam("rows", expanding=True))).values(due_at=bindparam("at"))
        self.drop = delete(table).where(one)


@dataclass(frozen=True, slots=True)
class Outbox:
    """Queries about the outbox, bound to one connection."""

    connection: AsyncConnection
    sql: OutboxSQL

    async def put(self, id: str, sealed: str, *, now: float, ttl: float, capacity: int | None) -> bool:  # noqa: A002
        """Let a mail wait, for at most `ttl` seconds. False when `capacity` others wait already."""
        row = {"id": id, "sealed": sealed, "attempts": 0, "due_at": now, "expires_at": now + ttl}
        if capacity is None:
            await self.connection.execute(self.sql.put, row)
            return True
        given = {**{f"new_{name}": value for name, value in row.items()}, "capacity": capacity}
        return bool((await self.connection.execute(self.sql.put_if_room, given)).rowcount)

    async def due(self, *, now: float) -> bool:
        """Whether something should be sent now."""
        place = {"now": now, "jumped": now + FARTHEST}
        return (await self.connection.execute(self.sql.due, place)).first() is not None

    async def take(self, *, now: float, lease: float, most: int) -> tuple[Waiting, ...]:
        """Rows that are due, for this caller alone for `lease` seconds: no two callers ever get the same."""
        place = {"now": now, "jumped": now + FARTHEST, "until": now + lease, "most": most}
        return tuple(Waiting(*row) for row in await self.connection.execute(self.sql.take, place))

    async def later(self, id: str, sealed: str, *, at: float) -> None:  # noqa: A002
        """Give a row back, to be sent from `at` on."""
        await self.connection.execute(self.sql.later, {"row": id, "at": at, "with_seal": sealed})

    async def free(self, ids: Sequence[str], *, now: float) -> None:
        """Give rows back as they are, to be sent now by somebody else."""
        if ids:
            await self.connection.execute(self.sql.free, {"rows": list(ids), "at": now})

    async def drop(self, id: str) -> None:  # noqa: A002
        """Forget a row: its mail is sent, or given up."""
        await self.connection.execute(self.sql.drop, {"row": id})
