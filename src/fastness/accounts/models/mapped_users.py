"""Users on a table that is not wholly ours: the same promises, kept by a lock where one statement cannot reach both tables.

Every change first locks the person's row. What is then read is what every writer before has committed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import and_, bindparam, delete, exc, func, select, update
from sqlalchemy.sql.elements import ColumnElement

from fastness.accounts.models.account import ORDINARY, Account
from fastness.accounts.models.columns import adds, inserts
from fastness.accounts.models.directory import DirectorySQL
from fastness.accounts.models.mapped import MappedTable
from fastness.accounts.models.users import AddressTaken, Deleted, LastAdmin, Users, UserSQL


class MappedUserSQL(UserSQL):
    """The statements about accounts on two tables."""

    def __init__(self, accounts: MappedTable, admin_roles: tuple[str, ...]) -> None:  # its parent's are for one table
        table, side, key, c = accounts.table, accounts.side, accounts.key, accounts.columns
        self.accounts = self.mapped = accounts
        self.directory = DirectorySQL(accounts)
        self.by_id = accounts.select().where(key == bindparam("fastness_key"))
        self.by_email = accounts.select().where(c["email_canonical"] == bindparam("fastness_canonical"))
        self.add = adds(table, key)
        self.change = update(table).where(key == bindparam("fastness_key"))
        self.beside = {
            name: insert.on_conflict_do_update(index_elements=["user_id"], set_={"user_id": insert.excluded.user_id})
            for name, insert in inserts(side).items()
        }
        self.change_beside = update(side).where(side.c.user_id == bindparam("fastness_key"))
        self.remove = delete(table).where(key == bindparam("fastness_key"))
        active: ColumnElement[bool] = and_(
            c["role"].in_(admin_roles), c["verified_at"].is_not(None), c["suspended_at"].is_(None)
        )
        self.admins = select(func.count()).select_from(accounts.keys().where(active).subquery())
        self.lock_admins = accounts.keys().where(active).order_by(key).with_for_update(key_share=True, of=table)
        self.admin_roles = frozenset(admin_roles)


@dataclass(frozen=True, slots=True)
class MappedUsers(Users):
    """Queries about accounts on two tables, bound to one connection."""

    sql: MappedUserSQL

    async def hold(self, id: str) -> Account | None:  # noqa: A002
        key = self.sql.accounts.parse(id)
        if key is None or (await self.connection.execute(self.sql.accounts.here, {"key": key})).first() is None:
            return None
        return await self.by_id(id)

    async def add(
        self,
        *,
        email: str,
        canonical: str,
        name: str,
        password_hash: str | None,
        role: str = ORDINARY,
        verified: bool = False,
        now: float,
    ) -> Account | None:
        if await self.by_email(canonical) is not None:
            return None
        values = {
            # Without a column for it, the address itself is kept in the form that decides who has it.
            "email": email if "email_canonical" in self.sql.mapped.theirs else canonical,
            "email_canonical": canonical,
            "name": name,
            "password_hash": password_hash,
            "role": role,
            "verified_at": now if verified else None,
            "suspended_at": None,
            "version": 0,
            "created_at": now,
        }
        theirs, ours = self.sql.mapped.written(values)
        row = (await self.connection.execute(self.sql.add[self.connection.dialect.name], theirs)).first()
        if row is None:
            return None
        if ours:
            await self._put_beside(row[0])
            await self.connection.execute(self.sql.change_beside.values(ours), {"fastness_key": row[0]})
        return await self.by_id(str(row[0]))

    async def set_password_hash(self, id: str, new: str, *, old: str | None) -> bool:  # noqa: A002
        account = await self.hold(id)
        if account is None or account.password_hash != old:
            return False
        return await self._write(account, password_hash=new) is not None

    async def mark_verified(
        self,
        id: str,  # noqa: A002
        *,
        canonical: str,
        now: float,
        password_hash: str | None = None,
        name: str | None = None,
    ) -> bool:
        account = await self.hold(id)
        if account is None or account.canonical != canonical:
            return False
        if not account.verified:
            chosen = {"password_hash": password_hash, "name": name}
            await self._write(account, verified_at=now, **{k: v for k, v in chosen.items() if v is not None})
        return True

    async def contest(self, id: str) -> bool:  # noqa: A002
        account = await self.hold(id)
        if account is None or account.verified or account.suspended or account.role != ORDINARY:
            return False
        return await self._write(account, password_hash=None) is not None

    async def change_email(
        self,
        id: str,  # noqa: A002
        *,
        email: str,
        canonical: str,
        old: str,
        now: float,
    ) -> Account | None:
        account, owner = await self.hold(id), await self.by_email(canonical)
        if account is None or account.canonical != old or (owner is not None and owner.id != account.id):
            return None
        written = email if "email_canonical" in self.sql.mapped.theirs else canonical
        try:
            return await self._write(account, email=written, email_canonical=canonical, verified_at=now)
        except exc.IntegrityError:
            raise AddressTaken from None

    async def forget_password(self, id: str) -> Account | None:  # noqa: A002
        account = await self.hold(id)
        return None if account is None else await self._write(account, password_hash=None)

    async def rename(self, id: str, name: str) -> Account | None:  # noqa: A002
        account = await self.hold(id)
        return None if account is None else await self._write(account, name=name)

    async def set_role(self, id: str, role: str, *, now: float) -> Account | LastAdmin | None:  # noqa: A002, ARG002
        if role not in self.sql.admin_roles and await self._is_last(id):
            return LastAdmin()
        account = await self.hold(id)
        if account is None or account.role == role:
            return account
        return await self._write(account, role=role, version=account.version + 1)

    async def suspend(self, id: str, *, now: float) -> Account | LastAdmin | None:  # noqa: A002
        if await self._is_last(id):
            return LastAdmin()
        account = await self.hold(id)
        if account is None or account.suspended:
            return account
        return await self._write(account, suspended_at=now, version=account.version + 1)

    async def unsuspend(self, id: str, *, now: float) -> Account | None:  # noqa: A002, ARG002
        account = await self.hold(id)
        return None if account is None else await self._write(account, suspended_at=None)

    async def delete(self, id: str) -> Deleted | LastAdmin | None:  # noqa: A002
        if await self._is_last(id):
            return LastAdmin()
        account = await self.hold(id)
        if account is None:
            return None
        await self.connection.execute(self.sql.remove, {"fastness_key": self._key(account)})
        return Deleted(account)

    async def bump_version(self, id: str) -> int | None:  # noqa: A002
        account = await self.hold(id)
        done = None if account is None else await self._write(account, version=account.version + 1)
        return None if done is None else done.version

    async def _is_last(self, id: str) -> bool:  # noqa: A002
        # Whoever is about to take an administrator away first locks them all, in the order of their keys. Only then
        # are they counted, so that the second of two sees what the first left.
        locked = {str(key) for key in (await self.connection.execute(self.sql.lock_admins)).scalars()}
        if id not in locked:
            return False
        account = await self.by_id(id)
        active = account is not None and account.role in self.sql.admin_roles and account.verified
        return active and account is not None and not account.suspended and await self.admins() == 1

    async def _write(self, account: Account, **values: Any) -> Account | None:
        theirs, ours = self.sql.mapped.written(values)
        key = self._key(account)
        if theirs:
            await self.connection.execute(self.sql.change.values(theirs), {"fastness_key": key})
        if ours:
            # A person who was there before accounts has no row in our table yet.
            await self._put_beside(key)
            await self.connection.execute(self.sql.change_beside.values(ours), {"fastness_key": key})
        return await self.by_id(account.id)

    async def _put_beside(self, key: Any) -> None:
        given = {**self.sql.mapped.defaults, "user_id": key}
        await self.connection.execute(self.sql.beside[self.connection.dialect.name], given)

    def _key(self, account: Account) -> Any:
        return self.sql.accounts.parse(account.id)
