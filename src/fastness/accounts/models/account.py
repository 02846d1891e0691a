"""One account as the flows see it, and the user's own table seen through our names."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Double,
    Index,
    Select,
    SmallInteger,
    String,
    Table,
    bindparam,
    func,
    inspect,
    literal_column,
    select,
)
from sqlalchemy.orm import Mapped, Mapper, mapped_column

from fastness.accounts.models.columns import bytewise, bytewise_index, exact_string, storable
from fastness.accounts.models.fitness import key_kind, refuse_shared, refuse_unfilled, refuse_unfit

ORDINARY = "user"
"""The role of nearly everybody. The others are few and have an index of their own."""

_NUMBER = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Account:
    """One account. Times are Unix seconds; `id` is the key of the user's own class as text."""

    id: str
    email: str
    canonical: str
    """The comparison form of the address; unique."""
    name: str
    password_hash: str | None = field(repr=False)
    """None for an account that signs in by other means."""
    role: str
    verified: bool
    suspended: bool
    version: int
    """Raised when role or status change; older access tokens end."""
    created_at: float


class AccountMixin:
    """The columns Fastness needs; mix it into a mapped class that brings its own `id` (int, UUID or text)."""

    email: Mapped[str] = mapped_column(String(320))
    email_canonical: Mapped[str] = mapped_column(exact_string(320), unique=True)
    name: Mapped[str] = mapped_column(String(200), server_default="")
    password_hash: Mapped[str | None] = mapped_column(String(512))
    role: Mapped[str] = mapped_column(String(64), server_default=ORDINARY)
    verified_at: Mapped[float | None] = mapped_column(Double)
    suspended_at: Mapped[float | None] = mapped_column(Double)
    version: Mapped[int] = mapped_column(server_default="0")
    created_at: Mapped[float] = mapped_column(Double)


NAMES = (
    "email", "email_canonical", "name", "password_hash", "role", "verified_at", "suspended_at", "version", "created_at",
)  # fmt: skip
"""Our names of the columns, which `columns=` maps to theirs."""


class AccountTable:
    """The table of the user's own class, seen through our names.

    Raises:
        TypeError: the class is not mapped to one table with a single key column of int, UUID or text, it lacks a
            column, or has one that cannot hold what is written there, or that nothing fills; the message says which and
            what to do.
    """

    def __init__(self, user: type, columns: Mapping[str, str]) -> None:
        mapper, self.table = mapper_of(user)
        if unknown := sorted(set(columns) - set(NAMES)):
            raise TypeError(f"columns= knows no {', '.join(unknown)}; our names are {', '.join(NAMES)}")
        if missing := [name for name in NAMES if columns.get(name, name) not in mapper.columns]:
            raise TypeError(
                f"{user.__name__} has no {', '.join(missing)}: add AccountMixin to its bases, or map what it has with "
                f'columns={{"{missing[0]}": "<attribute of {user.__name__}>"}}'
            )
        self.key: Column[Any] = key_of(user, mapper, self.table)
        own: dict[str, Column[Any]] = {
            name: self.table.c[mapper.columns[columns.get(name, name)].name] for name in NAMES
        }
        refuse_unfit(own, mapped=False)
        refuse_shared(own["email_canonical"])
        refuse_unfilled(self.table, {*own.values()})
        self._suspended: str | None = mapper.get_property_by_column(own["suspended_at"]).key
        self.own = own
        self.columns: Mapping[str, ColumnElement[Any]] = own
        self.selected: tuple[ColumnElement[Any], ...] = (self.key, *self.columns.values())
        self.folded_name: ColumnElement[str] = bytewise(func.lower(self.columns["name"]))
        self.canonical: ColumnElement[str] = bytewise(self.columns["email_canonical"])
        # Written out, not bound: SQLite uses a partial index only for the very words of its condition.
        self.staff: ColumnElement[bool] = self.columns["role"] != literal_column(f"'{ORDINARY}'")
        # Writers of one account's sessions, codes and devices wait for each other here, and the account cannot vanish
        # under them: a cap is exact and a foreign key never fails. SQLite has one writer anyway.
        here = select(self.key).where(self.key == bindparam("key"))
        self.here = here.with_for_update(key_share=True)
        self.hold = self.here.where(self.columns["suspended_at"].is_(None))
        if issubclass(user, AccountMixin):
            self._index()

    def select(self, *more: Any) -> Any:
        """Accounts, and what else is asked for of them."""
        return select(*self.selected, *more)

    def keys(self) -> Select[Any]:
        """The keys of accounts."""
        return select(self.key)

    def password_of(self, user_id: Column[Any]) -> Any:
        """The stored hash of the account that a row of another table belongs to."""
        owner = self.table.alias("owner")
        column = owner.c[self.own["password_hash"].name]
        return select(column).where(owner.c[self.key.name] == user_id).scalar_subquery()

    def hold_owner(self, of: Select[Any]) -> Any:
        """Hold the account whose key is selected, before what hangs on it is locked: see `Work`."""
        return select(self.key).where(self.key == of.scalar_subquery()).with_for_update(key_share=True)

    def parse(self, id: str) -> Any | None:  # noqa: A002 - the word of the contract
        """The key as its column's type, or None when the text is no such key."""
        kind = key_kind(self.key)
        if kind is int:
            return int(id) if _NUMBER.fullmatch(id) and int(id) <= self._largest() else None
        if kind is uuid.UUID:
            try:
                key = uuid.UUID(id)
            except ValueError:
                return None
            # One account, one spelling: braces, urn: and capitals are refused.
            return key if str(key) == id else None
        return id if storable(id) else None

    def account(self, row: Sequence[Any]) -> Account:
        """A row of `selected` as an account."""
        key, email, canonical, name, password_hash, role, verified_at, suspended_at, version, created_at = row
        return Account(
            id=str(key),
            email=email,
            canonical=canonical,
            name=name,
            password_hash=password_hash,
            role=role,
            verified=verified_at is not None,
            suspended=suspended_at is not None,
            version=version,
            created_at=created_at,
        )

    def barred(self, person: object) -> bool:
        """Whether this object of the class says that its account is suspended."""
        return self._suspended is not None and getattr(person, self._suspended) is not None

    def _largest(self) -> int:
        if isinstance(self.key.type, BigInteger):
            return 2**63 - 1
        return 2**15 - 1 if isinstance(self.key.type, SmallInteger) else 2**31 - 1

    def _index(self) -> None:
        # SQLite must not give the number of a deleted account to a new one: tokens may still be out.
        if key_kind(self.key) is int:
            self.table.dialect_options["sqlite"]["autoincrement"] = True
        # A mixin's __table_args__ would be overridden by the class's own; a table that only a map describes is theirs.
        name, staff = f"ix_{self.table.name}_name_prefix", f"ix_{self.table.name}_staff"
        if all(index.name != name for index in self.table.indexes):
            Index(name, bytewise_index(func.lower(self.columns["name"])), self.key)
            Index(staff, self.columns["role"], sqlite_where=self.staff, postgresql_where=self.staff)


def mapper_of(user: type) -> tuple[Mapper[Any], Table]:
    """The mapper of a class and its table.

    Raises:
        TypeError: it has none.
    """
    mapper: Mapper[Any] | None = inspect(user, raiseerr=False)
    # A class that inherits through a join has two.
    table = getattr(mapper, "persist_selectable", None)
    if mapper is None or not isinstance(table, Table):
        raise TypeError(f"{user.__name__} is not a class that SQLAlchemy maps to one table")
    return mapper, table


def key_of(user: type, mapper: Mapper[Any], table: Table) -> Column[Any]:
    """The one key column.

    Raises:
        TypeError: there are several, or it is of another type.
    """
    if len(mapper.primary_key) != 1 or key_kind(mapper.primary_key[0]) not in {int, str, uuid.UUID}:
        raise TypeError(f"{user.__name__} needs one key column of int, UUID or text")
    key: Column[Any] = table.c[mapper.primary_key[0].name]
    return key
