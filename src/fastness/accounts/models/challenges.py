"""Challenges: a sign-in that stands half way, after the password and before the second factor."""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlalchemy import Column, ForeignKey, Integer, MetaData, String, Table, bindparam, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from fastness.accounts.models.account import Account, AccountTable
from fastness.accounts.models.columns import Digest, Seconds, digest, new_secret


@dataclass(frozen=True, slots=True)
class Challenge:
    """One sign-in that waits for its factor."""

    user_id: str
    proved: bytes = field(repr=False)
    """What the account was when its first step was right, and which step that was."""
    tries_left: int


def challenge_table(metadata: MetaData, accounts: AccountTable) -> Table:
    """The table of challenges."""
    return Table(
        "fastness_challenges",
        metadata,
        Column("token", Digest, primary_key=True),
        Column("user_id", accounts.key.type, ForeignKey(accounts.key, ondelete="CASCADE"), nullable=False, index=True),
        Column("form", String(8), nullable=False),
        Column("proved", Digest, nullable=False),
        Column("tries_left", Integer, nullable=False),
        Column("used_at", Seconds),
        Column("expires_at", Seconds, nullable=False),
    )


class ChallengeSQL:
    """The statements about challenges, built once."""

    def __init__(self, table: Table, accounts: AccountTable) -> None:
        t = table.c
        self.accounts = accounts
        self.put = insert(table)
        open_ = (
            t.token == bindparam("given"),
            t.form == bindparam("of"),
            t.used_at.is_(None),
            t.expires_at > bindparam("now", type_=Seconds()),
            t.tries_left > 0,
        )
        self.find = select(t.user_id, t.proved, t.tries_left).where(*open_)
        self.hold_of = accounts.hold_owner(select(t.user_id).where(t.token == bindparam("given")))
        # Counted before the factor is looked at, so that parallel guesses cannot share a try.
        self.attempt = (
            update(table).where(*open_).values(tries_left=t.tries_left - 1).returning(t.user_id, t.proved, t.tries_left)
        )
        self.spend = (
            update(table)
            .where(t.token == bindparam("given"), t.used_at.is_(None))
            .values(used_at=bindparam("now", type_=Seconds()))
        )


@dataclass(frozen=True, slots=True)
class Challenges:
    """Queries about challenges, bound to one connection. `form` is what the session will be: refresh or cookie."""

    connection: AsyncConnection
    sql: ChallengeSQL

    async def put(self, account: Account, *, form: str, now: float, ttl: float, tries: int, first: str = "pwd") -> str:
        """The token (256 bit) of a new challenge. Hold the account first. `first` is what was proved before it."""
        token = new_secret()
        row = {
            "token": digest(token),
            "user_id": self.sql.accounts.parse(account.id),
            "form": form,
            "proved": proof_of(account, first),
            "tries_left": tries,
            "used_at": None,
            "expires_at": now + ttl,
        }
        await self.connection.execute(self.sql.put, row)
        return token

    async def find(self, token: str, *, form: str, now: float) -> Challenge | None:
        """The open challenge with this token."""
        row = (await self.connection.execute(self.sql.find, {"given": digest(token), "of": form, "now": now})).first()
        return Challenge(str(row[0]), bytes(row[1]), row[2]) if row else None

    async def attempt(self, token: str, *, form: str, now: float) -> Challenge | None:
        """Count one try at it: the challenge with what is left, or None when there is none left."""
        place = {"given": digest(token), "of": form, "now": now}
        await self.connection.execute(self.sql.hold_of, {"given": place["given"]})
        row = (await self.connection.execute(self.sql.attempt, place)).first()
        return Challenge(str(row[0]), bytes(row[1]), row[2]) if row else None

    async def spend(self, token: str, *, now: float) -> bool:
        """Close it; only one caller ever succeeds."""
        return bool((await self.connection.execute(self.sql.spend, {"given": digest(token), "now": now})).rowcount)


def proof_of(account: Account, first: str = "pwd") -> bytes:
    """A digest of what must not change between the first step and the second, and of what the first step was."""
    return digest(f"{first}\0{account.version}\0{account.password_hash}\0{account.canonical}")
