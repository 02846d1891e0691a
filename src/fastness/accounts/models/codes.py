"""One-time codes sent by mail: a link token and typed digits for the same thing.

The token has 256 bits, so its digest is safe to keep. Eight digits (26 bits, ASVS 6.5.4) are not: theirs is keyed with
the flow, which only the browser that asked holds, so a dump of the table gives neither away.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import (
    Column,
    ForeignKey,
    Integer,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    bindparam,
    case,
    delete,
    or_,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from fastness.accounts.models.account import AccountTable
from fastness.accounts.models.columns import Digest, Seconds, digest, exact_string, inserts, new_secret

_DIGITS = re.compile(r"[0-9]{8}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Code:
    """What the mail carries: either one redeems, and then both are spent."""

    token: str = field(repr=False)
    digits: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Redeemed:
    """The code was good and is spent; `canonical` is the address it was sent to."""

    user_id: str
    canonical: str
    password_hash: str | None = field(default=None, repr=False)
    """What the registration that asked for the code chose."""
    name: str | None = None
    email: str | None = None
    """How the address was written, where the code is for a new one."""
    username: str | None = None


@dataclass(frozen=True, slots=True)
class Chosen:
    """What was chosen at the registration that asked for a code."""

    password_hash: str = field(repr=False)
    name: str | None = None
    username: str | None = None


def code_table(metadata: MetaData, accounts: AccountTable) -> Table:
    """The table of one-time codes."""
    return Table(
        "fastness_codes",
        metadata,
        Column("token", Digest, primary_key=True),
        Column("purpose", String(32), nullable=False),
        Column("user_id", accounts.key.type, ForeignKey(accounts.key, ondelete="CASCADE"), nullable=False, index=True),
        Column("canonical", exact_string(320), nullable=False),
        Column("flow", Digest, nullable=False),
        Column("digits", Digest, nullable=False),
        Column("tries_left", Integer, nullable=False),
        Column("used_at", Seconds),
        Column("expires_at", Seconds, nullable=False),
        Column("password_hash", String(512)),
        Column("name", String(200)),
        Column("email", String(320)),
        Column("username", String(64)),
        UniqueConstraint("flow", "purpose"),
    )


class CodeSQL:
    """The statements about codes, built once."""

    def __init__(self, table: Table, accounts: AccountTable) -> None:
        t = table.c
        self.accounts = accounts
        self.put = {
            name: insert.on_conflict_do_update(
                index_elements=["flow", "purpose"],
                set_={column.name: insert.excluded[column.name] for column in table.columns},
            )
            for name, insert in inserts(table).items()
        }
        alive = update(table).where(
            t.purpose == bindparam("of"), t.used_at.is_(None), t.expires_at > bindparam("now", type_=Seconds())
        )
        purpose = t.purpose == bindparam("of")
        self.hold_of_token = accounts.hold_owner(select(t.user_id).where(t.token == bindparam("given"), purpose))
        self.hold_of_flow = accounts.hold_owner(select(t.user_id).where(t.flow == bindparam("in_flow"), purpose))
        told = (t.user_id, t.canonical, t.password_hash, t.name, t.email, t.username)
        # A link works in any browser, so only for the one registration of its address; see `Users.contest`.
        stored = accounts.password_of(t.user_id)
        self.redeem_token = (
            alive.where(t.token == bindparam("given"), or_(t.password_hash.is_(None), t.password_hash == stored))
            .values(used_at=bindparam("now", type_=Seconds()))
            .returning(*told)
        )
        # Where the link signs somebody in, it works in the browser that asked and in no other.
        self.redeem_token_in_flow = self.redeem_token.where(t.flow == bindparam("in_flow"))
        # The try is counted and the code is spent by the same statement, so parallel guesses cannot share a try.
        self.redeem_digits = (
            alive.where(t.flow == bindparam("in_flow"), t.tries_left > 0)
            .values(
                tries_left=t.tries_left - 1,
                used_at=case((t.digits == bindparam("given"), bindparam("now", type_=Seconds()))),
            )
            .returning(*told, t.used_at)
        )
        every = (t.user_id == bindparam("key"), t.purpose == bindparam("of"))
        self.forget, self.forget_all = delete(table).where(*every), delete(table).where(every[0])
        self.chosen = select(t.password_hash, t.name, t.username).where(
            t.flow == bindparam("in_flow"),
            t.purpose == bindparam("of"),
            t.user_id == bindparam("key"),
            t.password_hash.is_not(None),
        )


@dataclass(frozen=True, slots=True)
class Codes:
    """Queries about one-time codes, bound to one connection."""

    connection: AsyncConnection
    sql: CodeSQL

    async def put(
        self,
        *,
        purpose: str,
        user_id: str,
        canonical: str,
        flow: str,
        now: float,
        ttl: float,
        tries: int = 5,
        password_hash: str | None = None,
        name: str | None = None,
        email: str | None = None,
        username: str | None = None,
    ) -> Code | None:
        """A new code, good for `ttl` seconds, or None when the account is gone.

        Whoever redeems it gets `password_hash`, `name`, `email` and `username` back: what was chosen together with it. Its
        link then works only while the account has the same hash.

        It replaces the one of the same purpose and flow; codes of other flows stay, so that a stranger who asks for
        one cannot spoil the owner's.
        """
        key = self.sql.accounts.parse(user_id)
        if key is None or not (await self.connection.execute(self.sql.accounts.here, {"key": key})).first():
            return None
        code = Code(new_secret(), f"{secrets.randbelow(10**8):08d}")
        await self.connection.execute(
            self.sql.put[self.connection.dialect.name],
            {
                "token": digest(code.token),
                "purpose": purpose,
                "user_id": key,
                "canonical": canonical,
                "flow": digest(flow),
                "digits": _keyed(flow, code.digits),
                "tries_left": tries,
                "used_at": None,
                "expires_at": now + ttl,
                "password_hash": password_hash,
                "name": name,
                "email": email,
                "username": username,
            },
        )
        return code

    async def redeem_token(self, purpose: str, token: str, *, now: float, flow: str | None = None) -> Redeemed | None:
        """Spend the code by its link token, in this flow alone where one is given; only one caller ever succeeds."""
        values: dict[str, Any] = {"of": purpose, "given": digest(token), "now": now}
        statement = self.sql.redeem_token
        if flow is not None:
            statement, values["in_flow"] = self.sql.redeem_token_in_flow, digest(flow)
        await self.connection.execute(self.sql.hold_of_token, {"of": purpose, "given": values["given"]})
        row = (await self.connection.execute(statement, values)).first()
        return _redeemed(row) if row else None

    async def redeem_digits(self, purpose: str, flow: str, digits: str, *, now: float) -> Redeemed | None:
        """Spend the code by its digits; only one caller ever succeeds, and a wrong one costs a try."""
        if not _DIGITS.fullmatch(digits):
            return None
        values = {"of": purpose, "in_flow": digest(flow), "given": _keyed(flow, digits), "now": now}
        await self.connection.execute(self.sql.hold_of_flow, {"of": purpose, "in_flow": values["in_flow"]})
        row = (await self.connection.execute(self.sql.redeem_digits, values)).first()
        return _redeemed(row) if row and row.used_at is not None else None

    async def forget(self, user_id: str, *, purpose: str | None = None) -> None:
        """Let no code of this account work any more, or none of this purpose."""
        key = self.sql.accounts.parse(user_id)
        if key is not None and purpose is None:
            await self.connection.execute(self.sql.forget_all, {"key": key})
        elif key is not None:
            await self.connection.execute(self.sql.forget, {"key": key, "of": purpose})

    async def chosen(self, purpose: str, user_id: str, flow: str) -> Chosen | None:
        """The password hash, name and user name that were chosen together with the code of this flow, spent or not."""
        key = self.sql.accounts.parse(user_id)
        if key is None:
            return None
        values = {"of": purpose, "in_flow": digest(flow), "key": key}
        row = (await self.connection.execute(self.sql.chosen, values)).first()
        return Chosen(*row) if row else None


def _redeemed(row: Any) -> Redeemed:
    return Redeemed(str(row.user_id), row.canonical, row.password_hash, row.name, row.email, row.username)


def _keyed(flow: str, digits: str) -> bytes:
    return hmac.digest(flow.encode("utf-8", "surrogatepass"), digits.encode(), hashlib.sha256)
