"""API keys of people: what is kept of each is an HMAC, and it goes with its owner."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, ForeignKey, MetaData, String, Table, Text, bindparam, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from fastness.accounts.models.account import Account, AccountTable
from fastness.accounts.models.columns import Digest, Seconds, storable
from fastness.core.api_keys import ApiKey


def api_key_table(metadata: MetaData, accounts: AccountTable) -> Table:
    """The table of keys. Not the store's own (`stores/api_keys`), which knows no accounts and may stand beside it."""
    return Table(
        "fastness_user_keys",
        metadata,
        Column("id", String(32), primary_key=True),
        Column("user_id", accounts.key.type, ForeignKey(accounts.key, ondelete="CASCADE"), nullable=False, index=True),
        Column("digest", Digest, nullable=False, unique=True),
        Column("scopes", Text, nullable=False),
        Column("name", String(100), nullable=False),
        Column("hint", String(64), nullable=False),
        Column("created_at", Seconds, nullable=False),
        Column("expires_at", Seconds, nullable=False, index=True),
        Column("last_used_at", Seconds),
    )


class ApiKeySQL:
    """The statements about keys, built once."""

    def __init__(self, table: Table, accounts: AccountTable) -> None:
        t = table.c
        self.accounts, self.width = accounts, len(accounts.selected)
        told = (t.id, t.user_id, t.digest, t.scopes, t.name, t.hint, t.created_at, t.expires_at, t.last_used_at)
        owned, one = t.user_id == bindparam("key"), t.id == bindparam("given")
        self.add = insert(table)
        # With its owner, in one statement: a key never counts for an account that may not act now. One that does not is
        # not read at all, so that it takes as long as one that there is not.
        found = accounts.select(*told).where(
            t.user_id == accounts.key,
            t.digest == bindparam("given"),
            accounts.columns["suspended_at"].is_(None),
        )
        self.find = {True: found, False: found.where(accounts.columns["verified_at"].is_not(None))}
        self.list = select(*told).where(owned).order_by(t.created_at, t.id)
        self.used = update(table).where(one).values(last_used_at=bindparam("at"))
        self.moved = self.used.values(digest=bindparam("renewed"))
        self.remove = delete(table).where(owned, one).returning(*told)
        self.remove_all = delete(table).where(owned).returning(t.id)
        self.leaked = delete(table).where(t.digest.in_(bindparam("every", expanding=True))).returning(*told)


@dataclass(frozen=True, slots=True)
class ApiKeys:
    """Queries about keys, bound to one connection."""

    connection: AsyncConnection
    sql: ApiKeySQL

    async def add(self, key: ApiKey) -> None:
        """Keep a new key. Hold its owner first."""
        values = {
            "id": key.id,
            "user_id": self.sql.accounts.parse(key.owner),
            "digest": key.digest,
            "scopes": " ".join(sorted(key.scopes)),
            "name": key.name,
            "hint": key.hint,
            "created_at": key.created_at,
            "expires_at": key.expires_at,
            "last_used_at": None,
        }
        await self.connection.execute(self.sql.add, values)

    async def find(self, digest: bytes, *, unverified: bool) -> tuple[ApiKey, Account] | None:
        """The key with this digest, and whose it is; None as well when that account may not act now.

        `unverified` lets accounts act whose address is not proved.
        """
        row = (await self.connection.execute(self.sql.find[unverified], {"given": digest})).first()
        return (_key(row[self.sql.width :]), self.sql.accounts.account(row[: self.sql.width])) if row else None

    async def list(self, user_id: str) -> tuple[ApiKey, ...]:
        """Every key of a user, the oldest first."""
        key = self.sql.accounts.parse(user_id)
        if key is None:
            return ()
        return tuple(_key(row) for row in await self.connection.execute(self.sql.list, {"key": key}))

    async def used(self, id: str, *, at: float, digest: bytes | None = None) -> None:  # noqa: A002
        """Note when it was used; with `digest`, it is from now on found under this one."""
        if digest is None:
            await self.connection.execute(self.sql.used, {"given": id, "at": at})
        else:
            await self.connection.execute(self.sql.moved, {"given": id, "at": at, "renewed": digest})

    async def remove(self, user_id: str, id: str) -> ApiKey | None:  # noqa: A002
        """Forget one key of this user; None when it was not there."""
        key = self.sql.accounts.parse(user_id)
        if key is None or not storable(id):
            return None
        row = (await self.connection.execute(self.sql.remove, {"key": key, "given": id})).first()
        return _key(row) if row else None

    async def remove_all(self, user_id: str) -> tuple[str, ...]:
        """Forget every key of this user; their ids."""
        key = self.sql.accounts.parse(user_id)
        if key is None:
            return ()
        return tuple((await self.connection.execute(self.sql.remove_all, {"key": key})).scalars())

    async def remove_leaked(self, digests: Sequence[bytes]) -> tuple[ApiKey, ...]:
        """Forget the keys with these digests. Of many who report one, only one is told of it."""
        if not digests:
            return ()
        return tuple(_key(row) for row in await self.connection.execute(self.sql.leaked, {"every": list(digests)}))


def _key(row: Sequence[Any]) -> ApiKey:
    id_, user_id, digest, scopes, name, hint, created_at, expires_at, last_used_at = row
    return ApiKey(
        id=id_,
        owner=str(user_id),
        digest=bytes(digest),
        scopes=frozenset(scopes.split()),
        name=name,
        hint=hint,
        created_at=created_at,
        expires_at=expires_at,
        last_used_at=last_used_at,
    )
