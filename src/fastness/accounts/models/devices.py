"""Devices a person has signed in from, so that strangers cannot slow them down, and the person can see them."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Column, ForeignKey, MetaData, String, Table, bindparam, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from fastness.accounts.models.account import Account, AccountTable
from fastness.accounts.models.columns import Digest, Seconds, digest, label, new_secret

KEPT = 50
"""Devices remembered for one user; the newest stay."""
_ID = 64


@dataclass(frozen=True, slots=True)
class KnownDevice:
    """One device as its owner may see it. Times are Unix seconds."""

    id: str
    """The digest of its token: it finds the row, and is no token."""
    created_at: float
    expires_at: float
    address: str
    agent: str


def device_table(metadata: MetaData, accounts: AccountTable) -> Table:
    """The table of known devices."""
    return Table(
        "fastness_devices",
        metadata,
        Column("token", Digest, primary_key=True),
        Column("user_id", accounts.key.type, ForeignKey(accounts.key, ondelete="CASCADE"), nullable=False, index=True),
        Column("created_at", Seconds, nullable=False),
        Column("expires_at", Seconds, nullable=False),
        Column("address", String(64), server_default="", nullable=False),
        Column("agent", String(256), server_default="", nullable=False),
        Column("trusted_until", Seconds),
    )


class DeviceSQL:
    """The statements about devices, built once."""

    def __init__(self, table: Table, accounts: AccountTable) -> None:
        t = table.c
        self.accounts = accounts
        owned = t.user_id == bindparam("key")
        older = (owned, t.token != bindparam("kept"))
        self.remember = insert(table).returning(select(func.count()).select_from(table).where(*older).scalar_subquery())
        newest = select(t.token).where(*older).order_by(t.created_at.desc(), t.token).limit(KEPT - 1)
        self.make_room = delete(table).where(*older, t.token.not_in(newest))
        self.known = select(1).where(t.token == bindparam("given"), owned, t.expires_at > bindparam("now"))
        self.list = (
            select(t.token, t.created_at, t.expires_at, t.address, t.agent)
            .where(owned, t.expires_at > bindparam("now"))
            .order_by(t.created_at.desc(), t.token)
        )
        self.trusted = self.known.where(t.trusted_until > bindparam("now"))
        self.trust = update(table).where(owned, t.token == bindparam("given")).values(trusted_until=bindparam("until"))
        self.distrust_all = update(table).where(owned).values(trusted_until=None)
        self.forget = delete(table).where(owned, t.token == bindparam("given"))
        self.forget_all = delete(table).where(owned)


@dataclass(frozen=True, slots=True)
class Devices:
    """Queries about known devices, bound to one connection."""

    connection: AsyncConnection
    sql: DeviceSQL

    async def remember(
        self, user_id: str, *, now: float, ttl: float, held: Account | None = None, address: str = "", agent: str = ""
    ) -> str | None:
        """A device token (256 bit), good for `ttl` seconds, or None when the account is gone.

        `held` is the account when `Users.hold` gave it in this transaction: it need not be held again.
        """
        key = self.sql.accounts.parse(user_id)
        if key is None:
            return None
        if held is None and not (await self.connection.execute(self.sql.accounts.here, {"key": key})).first():
            return None
        token = new_secret()
        kept = digest(token)
        rest = {"key": key, "kept": kept}
        values = {
            "token": kept,
            "user_id": key,
            "created_at": now,
            "expires_at": now + ttl,
            "address": label(address, 64),
            "agent": label(agent, 256),
        }
        others = await self.connection.execute(self.sql.remember, values | rest)
        if others.scalar_one() >= KEPT:
            await self.connection.execute(self.sql.make_room, rest)
        return token

    async def known(self, user_id: str, device_token: str, *, now: float) -> bool:
        """Whether this user signed in with this device token and it still counts."""
        key = self.sql.accounts.parse(user_id)
        if key is None:
            return False
        values = {"given": digest(device_token), "key": key, "now": now}
        return (await self.connection.execute(self.sql.known, values)).first() is not None

    async def trusted(self, user_id: str, device_token: str, *, now: float) -> bool:
        """Whether this known device may sign in without a second factor."""
        key = self.sql.accounts.parse(user_id)
        if key is None:
            return False
        values = {"given": digest(device_token), "key": key, "now": now}
        return (await self.connection.execute(self.sql.trusted, values)).first() is not None

    async def trust(self, user_id: str, device_token: str, *, until: float) -> None:
        """Let a known device sign in without a second factor until then."""
        key = self.sql.accounts.parse(user_id)
        if key is not None:
            await self.connection.execute(self.sql.trust, {"given": digest(device_token), "key": key, "until": until})

    async def distrust_all(self, user_id: str) -> None:
        """Ask every device of this user for the factor again; they stay known."""
        key = self.sql.accounts.parse(user_id)
        if key is not None:
            await self.connection.execute(self.sql.distrust_all, {"key": key})

    async def list(self, user_id: str, *, now: float) -> tuple[KnownDevice, ...]:
        """The known devices of a user, the newest first."""
        key = self.sql.accounts.parse(user_id)
        if key is None:
            return ()
        rows = await self.connection.execute(self.sql.list, {"key": key, "now": now})
        return tuple(KnownDevice(bytes(token).hex(), *rest) for token, *rest in rows)

    async def forget(self, user_id: str, id: str) -> bool:  # noqa: A002
        """Make one device of this user unknown; False when it was not there."""
        key = self.sql.accounts.parse(user_id)
        if key is None or len(id) != _ID or not id.isascii():
            return False
        try:
            given = bytes.fromhex(id)
        except ValueError:
            return False
        return bool((await self.connection.execute(self.sql.forget, {"key": key, "given": given})).rowcount)

    async def forget_all(self, user_id: str) -> None:
        """Make every device of this user unknown."""
        key = self.sql.accounts.parse(user_id)
        if key is not None:
            await self.connection.execute(self.sql.forget_all, {"key": key})
