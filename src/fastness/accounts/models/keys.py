"""Signing keys, sealed, so that every worker signs and verifies with the same ones."""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlalchemy import Column, MetaData, String, Table, Text, bindparam, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from fastness.accounts.models.columns import Seconds, adds


@dataclass(frozen=True, slots=True)
class StoredKey:
    """One sealed signing key. Times are Unix seconds."""

    kid: str
    alg: str
    sealed: str = field(repr=False)
    created_at: float
    activates_at: float
    """Sign with it from then on; verify with it at once."""
    retires_at: float | None
    """Verify with it until then; None while nothing replaced it."""


def key_table(metadata: MetaData) -> Table:
    """The table of signing keys."""
    return Table(
        "fastness_signing_keys",
        metadata,
        Column("kid", String(64), primary_key=True),
        Column("alg", String(16), nullable=False),
        Column("sealed", Text, nullable=False),
        Column("created_at", Seconds, nullable=False),
        Column("activates_at", Seconds, nullable=False),
        Column("retires_at", Seconds),
    )


class KeySQL:
    """The statements about signing keys, built once."""

    def __init__(self, table: Table) -> None:
        t = table.c
        self.add = adds(table, t.kid)
        self.all = select(t.kid, t.alg, t.sealed, t.created_at, t.activates_at, t.retires_at).order_by(
            t.activates_at, t.kid
        )
        self.retire = update(table).where(t.kid == bindparam("given")).values(retires_at=bindparam("at"))


@dataclass(frozen=True, slots=True)
class Keys:
    """Queries about signing keys, bound to one connection."""

    connection: AsyncConnection
    sql: KeySQL

    async def add(self, *, kid: str, alg: str, sealed: str, now: float, activates_at: float) -> bool:
        """Store a sealed key; False when the kid is taken."""
        values = {
            "kid": kid, "alg": alg, "sealed": sealed, "created_at": now, "activates_at": activates_at,
            "retires_at": None,
        }  # fmt: skip
        statement = self.sql.add[self.connection.dialect.name]
        return (await self.connection.execute(statement, values)).first() is not None

    async def all(self) -> tuple[StoredKey, ...]:
        """Every key, the oldest activation first."""
        return tuple(StoredKey(*row) for row in await self.connection.execute(self.sql.all))

    async def retire(self, kid: str, at: float) -> bool:
        """Verify with this key only until `at`; False when there is no such key."""
        return bool((await self.connection.execute(self.sql.retire, {"given": kid, "at": at})).rowcount)
