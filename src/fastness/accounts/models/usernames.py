"""User names: beside the accounts, so that a table that nobody may touch has them too. One statement decides who has one."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Column, ForeignKey, MetaData, String, Table, bindparam, delete, exc, select
from sqlalchemy.ext.asyncio import AsyncConnection

from fastness.accounts.models.account import Account, AccountTable
from fastness.accounts.models.columns import adds, exact_string, inserts, storable

_LONGEST = 64


class UsernameTaken(Exception):
    """Somebody else has the name. Let the transaction roll back."""


def username_table(metadata: MetaData, accounts: AccountTable) -> Table:
    """The table of user names."""
    return Table(
        "fastness_usernames",
        metadata,
        Column("user_id", accounts.key.type, ForeignKey(accounts.key, ondelete="CASCADE"), primary_key=True),
        Column("username", String(_LONGEST), nullable=False),
        Column("canonical", exact_string(_LONGEST), nullable=False, unique=True),
    )


class UsernameSQL:
    """The statements about user names, built once."""

    def __init__(self, table: Table, accounts: AccountTable) -> None:
        t = table.c
        self.accounts = accounts
        self.add = adds(table, t.user_id)
        self.put = {
            name: insert.on_conflict_do_update(
                index_elements=["user_id"],
                set_={"username": insert.excluded.username, "canonical": insert.excluded.canonical},
            )
            for name, insert in inserts(table).items()
        }
        self.owner = accounts.select().where(t.user_id == accounts.key, t.canonical == bindparam("given"))
        self.of = select(t.username).where(t.user_id == bindparam("key"))
        self.drop = delete(table).where(t.user_id == bindparam("key"))


@dataclass(frozen=True, slots=True)
class Usernames:
    """Queries about user names, bound to one connection. `canonical` is the form that decides who has one."""

    connection: AsyncConnection
    sql: UsernameSQL

    async def owner(self, canonical: str) -> Account | None:
        """Whose name this is."""
        if not storable(canonical) or len(canonical) > _LONGEST:
            return None
        row = (await self.connection.execute(self.sql.owner, {"given": canonical})).first()
        return self.sql.accounts.account(row) if row else None

    async def of(self, user_id: str) -> str | None:
        """The name of a user, as it is shown."""
        key = self.sql.accounts.parse(user_id)
        if key is None:
            return None
        name: str | None = (await self.connection.execute(self.sql.of, {"key": key})).scalar()
        return name

    async def add(self, user_id: str, username: str, canonical: str) -> bool:
        """Give a name to a user who has none; False when somebody has it, or he has one. Hold the account first."""
        row = {"user_id": self.sql.accounts.parse(user_id), "username": username, "canonical": canonical}
        return (await self.connection.execute(self.sql.add[self.connection.dialect.name], row)).first() is not None

    async def put(self, user_id: str, username: str, canonical: str) -> None:
        """Give a name to a user, in the place of the one there is. Hold the account first.

        Raises:
            UsernameTaken: somebody else has it, or took it at the same moment.
        """
        row = {"user_id": self.sql.accounts.parse(user_id), "username": username, "canonical": canonical}
        try:
            await self.connection.execute(self.sql.put[self.connection.dialect.name], row)
        except exc.IntegrityError:
            raise UsernameTaken from None

    async def drop(self, user_id: str) -> None:
        """Let a user have none."""
        key = self.sql.accounts.parse(user_id)
        if key is not None:
            await self.connection.execute(self.sql.drop, {"key": key})
