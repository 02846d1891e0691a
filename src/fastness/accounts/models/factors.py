"""Second factors: what people have besides a password. A seed is sealed; a code's step is spent by one statement."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    MetaData,
    String,
    Table,
    Text,
    bindparam,
    delete,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from fastness.accounts.models.account import AccountTable
from fastness.accounts.models.columns import Seconds, new_secret, storable

Kind = Literal["totp", "passkey"]


@dataclass(frozen=True, slots=True)
class Factor:
    """One factor. Times are Unix seconds; it counts from `confirmed_at` on."""

    id: str
    user_id: str
    kind: Kind
    name: str
    sealed: str = field(repr=False)
    created_at: float
    confirmed_at: float | None
    last_used_at: float | None


def factor_table(metadata: MetaData, accounts: AccountTable) -> Table:
    """The table of second factors."""
    return Table(
        "fastness_factors",
        metadata,
        Column("id", String(32), primary_key=True),
        Column("user_id", accounts.key.type, ForeignKey(accounts.key, ondelete="CASCADE"), nullable=False, index=True),
        Column("kind", String(16), nullable=False),
        Column("name", String(100), nullable=False),
        Column("sealed", Text, nullable=False),
        Column("last_step", BigInteger),
        Column("created_at", Seconds, nullable=False),
        Column("confirmed_at", Seconds),
        Column("last_used_at", Seconds),
    )


class FactorSQL:
    """The statements about factors, built once."""

    def __init__(self, table: Table, accounts: AccountTable) -> None:
        t = table.c
        self.accounts = accounts
        told = (t.id, t.user_id, t.kind, t.name, t.sealed, t.created_at, t.confirmed_at, t.last_used_at)
        owned, one = t.user_id == bindparam("key"), t.id == bindparam("factor")
        self.add = insert(table)
        self.list = select(*told).where(owned).order_by(t.created_at, t.id)
        self.confirmed = self.list.where(t.confirmed_at.is_not(None))
        # The only place where a step is accepted: never twice, and never one before the last.
        self.use_step = (
            update(table)
            .where(owned, one, or_(t.last_step.is_(None), t.last_step < bindparam("step", type_=BigInteger())))
            .values(last_step=bindparam("step", type_=BigInteger()), last_used_at=bindparam("now", type_=Seconds()))
        )
        self.confirm = (
            update(table)
            .where(owned, one, t.confirmed_at.is_(None))
            .values(confirmed_at=bindparam("now", type_=Seconds()))
        )
        self.remove = delete(table).where(owned, one).returning(*told)
        self.remove_all = delete(table).where(owned)
        self.remove_unconfirmed = delete(table).where(owned, t.confirmed_at.is_(None))


@dataclass(frozen=True, slots=True)
class Factors:
    """Queries about factors, bound to one connection. Everything is found by its owner."""

    connection: AsyncConnection
    sql: FactorSQL

    def new_id(self) -> str:
        """The id of a factor to come: its seed is sealed for it."""
        return new_secret(18)

    async def add(self, user_id: str, *, id: str, kind: Kind, name: str, sealed: str, now: float) -> None:  # noqa: A002
        """A factor that does not count yet. Hold the account first; earlier ones that were never confirmed go."""
        key = self.sql.accounts.parse(user_id)
        await self.connection.execute(self.sql.remove_unconfirmed, {"key": key})
        row = {"id": id, "user_id": key, "kind": kind, "name": name, "sealed": sealed, "created_at": now}
        await self.connection.execute(
            self.sql.add, {**row, "last_step": None, "confirmed_at": None, "last_used_at": None}
        )

    async def list(self, user_id: str) -> tuple[Factor, ...]:
        """Every factor of a user, the oldest first, confirmed or not."""
        return await self._all(self.sql.list, user_id)

    async def confirmed(self, user_id: str) -> tuple[Factor, ...]:
        """The factors that count."""
        return await self._all(self.sql.confirmed, user_id)

    async def use_step(self, user_id: str, id: str, step: int, *, now: float) -> bool:  # noqa: A002
        """Accept a code of this step; False when it, or a later one, was accepted before."""
        return await self._changes(self.sql.use_step, user_id, id, step=step, now=now)

    async def confirm(self, user_id: str, id: str, *, now: float) -> bool:  # noqa: A002
        """Let it count from now on; False when it counts already or is gone."""
        return await self._changes(self.sql.confirm, user_id, id, now=now)

    async def remove(self, user_id: str, id: str) -> Factor | None:  # noqa: A002
        """Forget one factor of this user; None when it was not there."""
        key = self.sql.accounts.parse(user_id)
        if key is None or not storable(id):
            return None
        row = (await self.connection.execute(self.sql.remove, {"key": key, "factor": id})).first()
        return _factor(row) if row else None

    async def remove_all(self, user_id: str) -> None:
        """Forget every factor of this user."""
        key = self.sql.accounts.parse(user_id)
        if key is not None:
            await self.connection.execute(self.sql.remove_all, {"key": key})

    async def _all(self, statement: Any, user_id: str) -> tuple[Factor, ...]:
        key = self.sql.accounts.parse(user_id)
        if key is None:
            return ()
        return tuple(_factor(row) for row in await self.connection.execute(statement, {"key": key}))

    async def _changes(self, statement: Any, user_id: str, id: str, **values: float) -> bool:  # noqa: A002
        key = self.sql.accounts.parse(user_id)
        if key is None or not storable(id):
            return False
        place = {"key": key, "factor": id, **values}
        return bool((await self.connection.execute(statement, place)).rowcount)


def _factor(row: Any) -> Factor:
    factor, user_id, *rest = row
    return Factor(factor, str(user_id), *rest)
