"""Passkeys: public keys that sign people in, each a factor too; and the challenges that were used. Nothing here is secret."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    LargeBinary,
    MetaData,
    String,
    Table,
    and_,
    bindparam,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from fastness.accounts.models.account import AccountTable
from fastness.accounts.models.columns import Digest, Seconds, adds, digest, new_secret, storable
from fastness.controls.passkeys import Passkey
from fastness.core.clock import Clock


@dataclass(frozen=True, slots=True)
class StoredPasskey:
    """A passkey and whose it is; `id` is that of the factor. Times are Unix seconds."""

    id: str
    user_id: str
    name: str
    created_at: float
    last_used_at: float | None
    passkey: Passkey


def passkey_table(metadata: MetaData, accounts: AccountTable, factors: Table) -> Table:
    """The table of passkeys: one row for each factor of that kind."""
    return Table(
        "fastness_passkeys",
        metadata,
        Column("factor_id", String(32), ForeignKey(factors.c.id, ondelete="CASCADE"), primary_key=True),
        Column("user_id", accounts.key.type, ForeignKey(accounts.key, ondelete="CASCADE"), nullable=False, index=True),
        Column("credential_id", LargeBinary(1023), nullable=False, unique=True),
        Column("public_key", LargeBinary, nullable=False),
        Column("algorithm", String(16), nullable=False),
        Column("user_handle", LargeBinary(64), nullable=False),
        Column("sign_count", BigInteger, nullable=False),
        Column("backup_eligible", Boolean, nullable=False),
        Column("backed_up", Boolean, nullable=False),
        Column("transports", String(64), server_default="", nullable=False),
    )


def spent_challenge_table(metadata: MetaData) -> Table:
    """The table of challenges that were used and would still be good."""
    return Table(
        "fastness_spent_challenges",
        metadata,
        Column("challenge", Digest, primary_key=True),
        Column("expires_at", Seconds, nullable=False),
    )


class PasskeySQL:
    """The statements about passkeys, built once."""

    def __init__(self, table: Table, factors: Table, spent: Table, accounts: AccountTable) -> None:
        t, f = table.c, factors.c
        self.accounts = accounts
        told = (
            f.id, f.user_id, f.name, f.created_at, f.last_used_at, t.credential_id, t.public_key, t.algorithm,
            t.user_handle, t.sign_count, t.backup_eligible, t.backed_up, t.transports,
        )  # fmt: skip
        every = select(*told).join(factors, f.id == t.factor_id)
        self.list = every.where(t.user_id == bindparam("key")).order_by(f.created_at, f.id)
        self.find = every.where(t.credential_id == bindparam("credential"))
        self.add_factor, self.add = insert(factors), adds(table, t.factor_id)
        # The only place where a counter goes on: never to what it was, but for authenticators that do not count.
        count = bindparam("count", type_=BigInteger())
        one = (t.factor_id == bindparam("factor"), t.user_id == bindparam("key"))
        self.replace = update(table).where(*one).values(sign_count=count, backed_up=bindparam("backed"))
        self.advance = self.replace.where(or_(t.sign_count < count, and_(t.sign_count == 0, count == 0)))
        owned = (f.id == bindparam("factor"), f.user_id == bindparam("key"), f.kind == "passkey")
        self.use = update(factors).where(*owned).values(last_used_at=bindparam("now", type_=Seconds()))
        self.rename = update(factors).where(*owned).values(name=bindparam("new"))
        self.spend = adds(spent, spent.c.challenge)


@dataclass(frozen=True, slots=True)
class StoredPasskeys:
    """Queries about passkeys, bound to one connection."""

    connection: AsyncConnection
    sql: PasskeySQL

    async def list(self, user_id: str) -> tuple[StoredPasskey, ...]:
        """The passkeys of a user, the oldest first."""
        key = self.sql.accounts.parse(user_id)
        if key is None:
            return ()
        return tuple(_stored(row) for row in await self.connection.execute(self.sql.list, {"key": key}))

    async def find(self, credential_id: bytes) -> StoredPasskey | None:
        """The passkey with this credential id, whoever has it."""
        row = (await self.connection.execute(self.sql.find, {"credential": credential_id})).first()
        return _stored(row) if row else None

    async def add(self, user_id: str, passkey: Passkey, *, name: str, now: float) -> str | None:
        """Its id, or None when some account has this credential already: then let the transaction roll back.

        Hold the account first.
        """
        key, factor = self.sql.accounts.parse(user_id), new_secret(18)
        await self.connection.execute(
            self.sql.add_factor,
            {
                "id": factor, "user_id": key, "kind": "passkey", "name": name, "sealed": "", "last_step": None,
                "created_at": now, "confirmed_at": now, "last_used_at": None,
            },
        )  # fmt: skip
        row = {
            "factor_id": factor,
            "user_id": key,
            "credential_id": passkey.id,
            "public_key": passkey.public_key,
            "algorithm": passkey.algorithm,
            "user_handle": passkey.user_handle,
            "sign_count": passkey.sign_count,
            "backup_eligible": passkey.backup_eligible,
            "backed_up": passkey.backed_up,
            "transports": " ".join(passkey.transports),
        }
        done = (await self.connection.execute(self.sql.add[self.connection.dialect.name], row)).first()
        return factor if done else None

    async def advance(self, stored: StoredPasskey, to: Passkey, *, now: float, backwards: bool = False) -> bool:
        """Keep its counter and backup state; False when it counted on meanwhile, unless it may count `backwards`."""
        place = {"factor": stored.id, "key": self.sql.accounts.parse(stored.user_id)}
        statement = self.sql.replace if backwards else self.sql.advance
        values = {**place, "count": to.sign_count, "backed": to.backed_up}
        if not (await self.connection.execute(statement, values)).rowcount:
            return False
        await self.connection.execute(self.sql.use, {**place, "now": now})
        return True

    async def rename(self, user_id: str, id: str, name: str) -> bool:  # noqa: A002
        """Call it something else; False when this user has none with this id."""
        key = self.sql.accounts.parse(user_id)
        if key is None or not storable(id):
            return False
        place = {"factor": id, "key": key, "new": name}
        return bool((await self.connection.execute(self.sql.rename, place)).rowcount)

    def spends(self, now: Clock) -> SpentChallenges:
        """Where challenges are spent in this transaction."""
        return SpentChallenges(self.connection, self.sql, now)


@dataclass(frozen=True, slots=True)
class SpentChallenges:
    """Writes used challenges down, together with what they proved or not at all."""

    connection: AsyncConnection
    sql: PasskeySQL
    now: Clock

    async def put_once(self, key: str, value: str, *, ttl: float) -> bool:  # noqa: ARG002 - the verb of every store
        """Spend one. One statement, so one of many wins."""
        row = {"challenge": digest(key), "expires_at": self.now() + ttl}
        return (await self.connection.execute(self.sql.spend[self.connection.dialect.name], row)).first() is not None


def _stored(row: Any) -> StoredPasskey:
    factor, user_id, name, created_at, last_used_at, credential, key, algorithm, handle, count, *flags, ways = row
    eligible, backed_up = flags
    passkey = Passkey(
        id=bytes(credential),
        public_key=bytes(key),
        algorithm=algorithm,
        user_handle=bytes(handle),
        sign_count=count,
        backup_eligible=bool(eligible),
        backed_up=bool(backed_up),
        transports=tuple(ways.split()),
    )
    return StoredPasskey(factor, str(user_id), name, created_at, last_used_at, passkey)
