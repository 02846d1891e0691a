"""Users: the only queries about accounts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import String, and_, bindparam, case, delete, exc, exists, func, not_, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from fastness.accounts.models.account import ORDINARY, Account, AccountTable
from fastness.accounts.models.columns import adds, storable
from fastness.accounts.models.directory import AccountPage, Directory, DirectorySQL


@dataclass(frozen=True, slots=True)
class LastAdmin:
    """Nothing was done: it would have left no active administrator."""


class AddressTaken(Exception):
    """Somebody else took the address at the same moment. Let the transaction roll back."""


@dataclass(frozen=True, slots=True)
class Deleted:
    """The account is gone, with its sessions, codes and devices."""

    account: Account


class UserSQL:
    """The statements about accounts, built once. No column of somebody's table has a name like our parameters."""

    def __init__(self, accounts: AccountTable, admin_roles: tuple[str, ...]) -> None:
        table, key, c = accounts.table, accounts.key, accounts.own
        one = key == bindparam("fastness_key")
        self.accounts = accounts
        self.directory = DirectorySQL(accounts)
        self.by_id = select(*accounts.selected).where(one)
        self.hold = self.by_id.with_for_update(key_share=True)
        self.by_email = select(*accounts.selected).where(c["email_canonical"] == bindparam("fastness_canonical"))
        self.add = adds(table, *accounts.selected)
        self.set_password_hash = (
            update(table)
            .where(one, c["password_hash"].is_not_distinct_from(bindparam("fastness_old")))
            .values({c["password_hash"]: bindparam("fastness_new")})
        )
        self.mark_verified = (
            update(table)
            .where(one, c["email_canonical"] == bindparam("fastness_canonical"))
            .values(
                {
                    c["verified_at"]: func.coalesce(c["verified_at"], bindparam("fastness_now")),
                    **{
                        c[column]: case(
                            (
                                c["verified_at"].is_(None),
                                func.coalesce(bindparam(f"fastness_{column}", type_=String()), c[column]),
                            ),
                            else_=c[column],
                        )
                        for column in ("password_hash", "name")
                    },
                }
            )
        )
        self.contest = (
            update(table)
            .where(one, c["verified_at"].is_(None), c["suspended_at"].is_(None), c["role"] == ORDINARY)
            .values({c["password_hash"]: None})
        )
        changed = update(table).where(one).returning(*accounts.selected)
        other = table.alias("other")
        theirs = (
            other.c[c["email_canonical"].name] == bindparam("fastness_canonical"),
            other.c[key.name] != bindparam("fastness_key"),
        )
        self.change_email = changed.where(
            c["email_canonical"] == bindparam("fastness_old"), not_(exists(select(1).select_from(other).where(*theirs)))
        ).values(
            {
                c["email"]: bindparam("fastness_email"),
                c["email_canonical"]: bindparam("fastness_canonical"),
                c["verified_at"]: bindparam("fastness_now"),
            }
        )
        self.forget_password = changed.values({c["password_hash"]: None})
        self.rename = changed.values({c["name"]: bindparam("fastness_new")})
        self.bump_version = update(table).where(one).values({c["version"]: c["version"] + 1}).returning(c["version"])

        active_admin = and_(
            accounts.staff, c["role"].in_(admin_roles), c["verified_at"].is_not(None), c["suspended_at"].is_(None)
        )
        self.admins = select(func.count()).select_from(table).where(active_admin)
        # Exact under races: whoever is about to take an administrator away first locks the administrators, in the
        # order of their keys, so two such statements wait for each other, and the second sees what the first left.
        # SQLite has no row locks and needs none: it has one writer.
        self.lock_admins = select(key.label("key")).where(active_admin).order_by(key).with_for_update(key_share=True)
        locked = self.lock_admins.cte("admins")
        another = exists(select(1).select_from(locked).where(locked.c.key != bindparam("fastness_key")))
        guarded = or_(not_(active_admin), another)
        self.delete = delete(table).where(one, guarded).returning(*accounts.selected)
        self.suspend = changed.where(guarded).values(
            {
                c["version"]: c["version"] + case((c["suspended_at"].is_(None), 1), else_=0),
                c["suspended_at"]: func.coalesce(c["suspended_at"], bindparam("fastness_now")),
            }
        )
        self.unsuspend = changed.values({c["suspended_at"]: None})
        new_role = {
            c["version"]: c["version"] + case((c["role"] != bindparam("fastness_role"), 1), else_=0),
            c["role"]: bindparam("fastness_role"),
        }
        self.promote = changed.values(new_role)
        self.demote = changed.where(guarded).values(new_role)
        self.admin_roles = frozenset(admin_roles)


@dataclass(frozen=True, slots=True)
class Users:
    """Queries about accounts, bound to one connection.

    An active administrator has one of the administrators' roles, is verified and is not suspended. A key that is not
    of the class's form is a key of nobody, never an error.
    """

    connection: AsyncConnection
    sql: UserSQL

    async def by_id(self, id: str) -> Account | None:  # noqa: A002
        """The account with this key."""
        return await self._one(self.sql.by_id, id)

    async def hold(self, id: str) -> Account | None:  # noqa: A002
        """The account with this key, kept from changing until the end of the transaction."""
        return await self._one(self.sql.hold, id)

    async def hold_admins(self) -> None:
        """Hold the administrators. Before the account, where a transaction holds it and then suspends or deletes it."""
        await self.connection.execute(self.sql.lock_admins)

    async def by_email(self, canonical: str) -> Account | None:
        """The account with this canonical address."""
        if not storable(canonical):
            return None
        row = (await self.connection.execute(self.sql.by_email, {"fastness_canonical": canonical})).first()
        return self.sql.accounts.account(row) if row else None

    async def add(
        self,
        *,
        email: str,
        canonical: str,
        name: str,
        password_hash: str | None,
        role: str = "user",
        verified: bool = False,
        now: float,
    ) -> Account | None:
        """A new account, or None when the canonical address is taken. One statement, so one of many wins."""
        values = {
            "email": email,
            "email_canonical": canonical,
            "name": name,
            "password_hash": password_hash,
            "role": role,
            "verified_at": now if verified else None,
            "suspended_at": None,
            "version": 0,
            "created_at": now,
        }
        columns = self.sql.accounts.own
        statement = self.sql.add[self.connection.dialect.name]
        row = (await self.connection.execute(statement, {columns[k].name: v for k, v in values.items()})).first()
        return self.sql.accounts.account(row) if row else None

    async def set_password_hash(self, id: str, new: str, *, old: str | None) -> bool:  # noqa: A002
        """Replace the hash only while the stored one is still `old`."""
        return await self._changes(self.sql.set_password_hash, id, new=new, old=old)

    async def mark_verified(
        self,
        id: str,  # noqa: A002
        *,
        canonical: str,
        now: float,
        password_hash: str | None = None,
        name: str | None = None,
    ) -> bool:
        """Mark the address as proven if it is still the account's address; True also when it was proven before.

        The first proof gives the account the password and name that are passed; later ones change neither.
        """
        chosen = {"password_hash": password_hash, "name": name}
        return await self._changes(self.sql.mark_verified, id, canonical=canonical, now=now, **chosen)

    async def contest(self, id: str) -> bool:  # noqa: A002
        """Forget the password of an ordinary account that nobody proved yet, because somebody registered it again.

        From then on only the proof decides whose password counts.
        """
        return await self._changes(self.sql.contest, id)

    async def change_email(
        self,
        id: str,  # noqa: A002
        *,
        email: str,
        canonical: str,
        old: str,
        now: float,
    ) -> Account | None:
        """Give the account a proved address in the place of `old`; None when it has another by now, or it is taken.

        Raises:
            AddressTaken: somebody took it at the same moment.
        """
        try:
            return await self._one(self.sql.change_email, id, email=email, canonical=canonical, old=old, now=now)
        except exc.IntegrityError:
            raise AddressTaken from None

    async def forget_password(self, id: str) -> Account | None:  # noqa: A002
        """Let no password work until another one is set."""
        return await self._one(self.sql.forget_password, id)

    async def rename(self, id: str, name: str) -> Account | None:  # noqa: A002
        """Change the display name."""
        return await self._one(self.sql.rename, id, new=name)

    async def set_role(self, id: str, role: str, *, now: float) -> Account | LastAdmin | None:  # noqa: A002, ARG002
        """Change the role; a changed one raises the version."""
        if role in self.sql.admin_roles:
            return await self._one(self.sql.promote, id, role=role)
        return await self._guarded(self.sql.demote, id, role=role)

    async def suspend(self, id: str, *, now: float) -> Account | LastAdmin | None:  # noqa: A002
        """Suspend the account and raise its version; its sessions stay until they are closed."""
        return await self._guarded(self.sql.suspend, id, now=now)

    async def unsuspend(self, id: str, *, now: float) -> Account | None:  # noqa: A002, ARG002
        """Lift a suspension."""
        return await self._one(self.sql.unsuspend, id)

    async def delete(self, id: str) -> Deleted | LastAdmin | None:  # noqa: A002
        """Delete the account and all that hangs on it, unless it is the last active administrator."""
        found = await self._guarded(self.sql.delete, id)
        return Deleted(found) if isinstance(found, Account) else found

    async def page(
        self, *, limit: int, page: int = 1, after: str | None = None, search: str | None = None
    ) -> AccountPage:
        """Accounts in the order of their canonical address, from a page number or after a cursor.

        `search` is a prefix of the canonical address or, letters A to Z in either case, of the name: first those
        whose address matches, then those whose name does.

        Raises:
            InvalidCursor: `after` was not made by this method.
            ValueError: page x limit is beyond 10,000; use the cursor.
        """
        return await Directory(self.connection, self.sql.directory).page(
            limit=limit, page=page, after=after, search=search
        )

    async def admins(self) -> int:
        """How many administrators are active."""
        return int((await self.connection.execute(self.sql.admins)).scalar_one())

    async def bump_version(self, id: str) -> int | None:  # noqa: A002
        """End all access tokens issued so far: the new version, or None when there is no such account."""
        key = self.sql.accounts.parse(id)
        if key is None:
            return None
        version: int | None = (await self.connection.execute(self.sql.bump_version, {"fastness_key": key})).scalar()
        return version

    async def _guarded(self, statement: Any, id: str, **values: Any) -> Account | LastAdmin | None:  # noqa: A002
        done = await self._one(statement, id, **values)
        if done is None and await self.by_id(id) is not None:
            return LastAdmin()
        return done

    async def _one(self, statement: Any, id: str, **values: Any) -> Account | None:  # noqa: A002
        key = self.sql.accounts.parse(id)
        if key is None:
            return None
        row = (await self.connection.execute(statement, _named(key, values))).first()
        return self.sql.accounts.account(row) if row else None

    async def _changes(self, statement: Any, id: str, **values: Any) -> bool:  # noqa: A002
        key = self.sql.accounts.parse(id)
        if key is None:
            return False
        return bool((await self.connection.execute(statement, _named(key, values))).rowcount)


def _named(key: Any, values: dict[str, Any]) -> dict[str, Any]:
    return {"fastness_key": key, **{f"fastness_{name}": value for name, value in values.items()}}
