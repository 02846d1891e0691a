"""A table that nobody may touch, seen through our names: what it has stays where it is, the rest is beside it.

What is missing lives in a table of ours with one row for each of theirs, keyed by their key. People who were there before
have no such row yet: they are ordinary, unverified and as new as nothing, until something of them changes. What is NULL in
theirs reads the same. A row without an address is no account.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    DateTime,
    ForeignKey,
    Integer,
    MetaData,
    Select,
    String,
    Table,
    and_,
    bindparam,
    case,
    func,
    literal,
    literal_column,
    null,
    select,
)
from sqlalchemy.orm import Mapper

from fastness.accounts.models.account import NAMES, ORDINARY, Account, AccountMixin, AccountTable, key_of, mapper_of
from fastness.accounts.models.columns import Seconds, bytewise
from fastness.accounts.models.fitness import kind_of, refuse_shared, refuse_unfilled, refuse_unfit
from fastness.core.errors import Refused

FLAGS = {"active": "suspended_at", "verified": "verified_at"}
"""Names of columns that say yes or no -> what we call the time of it."""
_SIDE: dict[str, tuple[Any, Any]] = {
    "name": (String(200), ""),
    "password_hash": (String(512), None),
    "role": (String(64), ORDINARY),
    "verified_at": (Seconds(), None),
    "suspended_at": (Seconds(), None),
    "version": (Integer(), 0),
    "created_at": (Seconds(), 0.0),
}


class TooLong(Refused):
    """Their column is too short for it."""

    code, status, public = "too_long", 422, "That is longer than can be stored here."


def is_mapped(user: type, columns: Mapping[str, str]) -> bool:
    """Whether the class is seen through a map."""
    return bool(columns) and not issubclass(user, AccountMixin)


class MappedTable(AccountTable):
    """The table of a class through a map that names what it has: at least the address.

    Raises:
        TypeError: the map, the class or a column cannot carry accounts; the message says what and why.
    """

    def __init__(self, user: type, columns: Mapping[str, str]) -> None:
        mapper, self.table = mapper_of(user)
        self.key = key_of(user, mapper, self.table)
        self.theirs = _resolved(user, mapper, self.table, columns)
        _refuse_unfit(user, self.theirs, self.key, self.table)
        self._is_account = and_(
            *(self.theirs[n].is_not(None) for n in ("email", "email_canonical") if n in self.theirs)
        )
        self.side = self._beside()
        self.columns = {name: self._read(name) for name in NAMES}
        self.selected = (self.key, *self.columns.values())
        self.folded_name = bytewise(func.lower(self.columns["name"]))
        self.canonical = bytewise(self.columns["email_canonical"])
        self.staff = self.columns["role"] != literal_column(f"'{ORDINARY}'")
        here = select(self.key).where(self.key == bindparam("key"))
        self.here = here.with_for_update(key_share=True)
        # Flows hold the account first (`MappedUsers.hold`): a statement that waited for the row sees our table as it was.
        free = here.select_from(self.source).where(self.columns["suspended_at"].is_(None))
        self.hold = free.with_for_update(key_share=True, of=self.table)
        self._flag = next((name for name in ("active", "suspended_at") if name in self.theirs), None)
        self._attribute = "" if self._flag is None else mapper.get_property_by_column(self.theirs[self._flag]).key

    @property
    def defaults(self) -> dict[str, Any]:
        """A row of our table for a person of whom nothing is known yet."""
        return {column.name: _SIDE[column.name][1] for column in self.side.columns if column.name in _SIDE}

    @property
    def source(self) -> Any:
        """Their table with ours beside it, if they leave something for ours."""
        if len(self.side.columns) == 1:
            return self.table
        return self.table.outerjoin(self.side, self.side.c.user_id == self.key)

    def select(self, *more: Any) -> Any:
        """Accounts, and what else is asked for of them."""
        return select(*self.selected, *more).select_from(self.source).where(self._is_account)

    def keys(self) -> Select[Any]:
        """The keys of accounts."""
        return select(self.key).select_from(self.source).where(self._is_account)

    def password_of(self, user_id: Column[Any]) -> Any:
        """The stored hash of the account that a row of another table belongs to."""
        if "password_hash" in self.theirs:
            owner = self.table.alias("owner")
            column = owner.c[self.theirs["password_hash"].name]
            return select(column).where(owner.c[self.key.name] == user_id).scalar_subquery()
        beside = self.side.alias("owner")
        return select(beside.c.password_hash).where(beside.c.user_id == user_id).scalar_subquery()

    def written(self, values: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Our values as the columns of their table and of ours take them.

        Raises:
            TooLong: an address or a role is longer than their column. A name is cut.
        """
        theirs: dict[str, Any] = {}
        ours: dict[str, Any] = {}
        for name, value in values.items():
            flag = next((flag for flag, of in FLAGS.items() if of == name and flag in self.theirs), None)
            if flag is not None:
                theirs[self.theirs[flag].key] = (value is None) if flag == "active" else (value is not None)
            elif name in self.theirs:
                theirs[self.theirs[name].key] = _as_theirs(name, self.theirs[name], value)
            elif name in _SIDE:
                ours[name] = value
        return theirs, ours

    def account(self, row: Sequence[Any]) -> Account:
        """A row of `selected` as an account."""
        *others, created_at = row
        others[4] = others[4] or None  # a column that must not be null holds "" for no password
        if isinstance(created_at, datetime):
            created_at = (created_at if created_at.tzinfo else created_at.replace(tzinfo=UTC)).timestamp()
        return super().account((*others, float(created_at or 0.0)))

    def barred(self, person: object) -> bool:
        """Whether this object of the class says that its account is suspended."""
        if self._flag is None:
            return False
        value = getattr(person, self._attribute)
        return not value if self._flag == "active" else value is not None

    def _beside(self) -> Table:
        missing = [name for name in _SIDE if name not in self.theirs and _flag_of(name) not in self.theirs]
        # What nobody needs is in nobody's metadata, and so in no database.
        metadata = self.table.metadata if missing else MetaData()
        return Table(
            "fastness_accounts",
            metadata,
            Column("user_id", self.key.type, ForeignKey(self.key, ondelete="CASCADE"), primary_key=True),
            *(Column(name, _SIDE[name][0], nullable=_SIDE[name][1] is None) for name in missing),
        )

    def _read(self, name: str) -> ColumnElement[Any]:
        flag = _flag_of(name)
        if flag in self.theirs:
            # No value is no: who is neither active nor inactive does not sign in.
            some: ColumnElement[Any] = literal(1.0, Seconds())
            yes, no = (null(), some) if flag == "active" else (some, null())
            return case((self.theirs[flag].is_(True), yes), else_=no)
        if name == "email_canonical" and name not in self.theirs:
            return func.lower(self.theirs["email"])
        column: Column[Any] = self.theirs[name] if name in self.theirs else self.side.c[name]
        if name not in {"name", "role", "version"}:
            return column  # a time of theirs may be a date, which has no default of ours: `account` reads it
        return func.coalesce(column, literal(_SIDE[name][1], column.type))


def _flag_of(name: str) -> str:
    return next((flag for flag, of in FLAGS.items() if of == name), "")


def _as_theirs(name: str, column: Column[Any], value: Any) -> Any:
    if value is None:
        return None if column.nullable else ""
    if isinstance(value, str):
        length = getattr(column.type, "length", None)
        # A name is not refused: it comes with a registration, which must not tell a taken address from a new one.
        if length and len(value) > length and name != "name":
            raise TooLong(f"{column} holds {length} characters, not {len(value)}")
        return value[:length]
    if kind_of(column) is datetime:
        moment = datetime.fromtimestamp(value, UTC)
        # A type of somebody's own is given the zone too: it converts.
        return moment.replace(tzinfo=None) if isinstance(column.type, DateTime) and not column.type.timezone else moment
    return value


def _resolved(user: type, mapper: Mapper[Any], table: Table, columns: Mapping[str, str]) -> dict[str, Column[Any]]:
    known = ("id", *NAMES, *FLAGS)
    if unknown := sorted(set(columns) - set(known)):
        raise TypeError(f"columns= knows no {', '.join(unknown)}; our names are {', '.join(known)}")
    # An expression, or a column of another table, is not there.
    if missing := sorted(
        attribute
        for attribute in columns.values()
        if getattr(mapper.columns.get(attribute), "table", None) is not table
    ):
        raise TypeError(f"{user.__name__} has no {', '.join(missing)}, which columns= names")
    if "email" not in columns:
        raise TypeError('columns= must say at least where the address is, as in columns={"email": "mail"}')
    if both := [flag for flag, of in FLAGS.items() if flag in columns and of in columns]:
        raise TypeError(f"columns= says the same twice: {both[0]} and {FLAGS[both[0]]}")
    return {name: table.c[mapper.columns[attribute].name] for name, attribute in columns.items()}


def _refuse_unfit(user: type, theirs: dict[str, Column[Any]], key: Column[Any], table: Table) -> None:
    if theirs.pop("id", key) is not key:
        raise TypeError(f"the id of {user.__name__} is its primary key")
    for flag, time in FLAGS.items():
        if flag in theirs and not isinstance(theirs[flag].type, Boolean):
            raise TypeError(f"{theirs[flag]} is not yes or no; for a time write {time}")
    refuse_unfit({name: column for name, column in theirs.items() if name not in FLAGS}, mapped=True)
    refuse_shared(theirs.get("email_canonical", theirs["email"]))
    refuse_unfilled(table, {*theirs.values()})
