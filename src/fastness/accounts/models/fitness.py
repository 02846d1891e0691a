"""What a table must be to carry accounts: said when the class is given, not by a 500 when somebody registers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import JSON, Column, ColumnElement, Enum, Index, Table, TypeDecorator, UniqueConstraint

_LONGEST = {"email": 254, "email_canonical": 254, "name": 100, "password_hash": 128}
"""How many characters we may write there: of a hash, with room for costs that are not yet usual."""
_TIMES = ("verified_at", "suspended_at", "created_at")
_NULL = ("password_hash", "verified_at", "suspended_at")
"""What somebody may not have. Everybody has the others."""
_KINDS: dict[str, tuple[str, set[type]]] = {
    **{name: ("text", {str}) for name in (*_LONGEST, "role")},
    **{name: ("Unix seconds as a float", {float}) for name in _TIMES},
    "version": ("a whole number", {int}),
}
_MAPPED: dict[str, tuple[str, set[type]]] = {
    **_KINDS,
    **{name: ("a date with its time, or Unix seconds", {datetime, int, float, Decimal}) for name in _TIMES},
}


def refuse_unfit(columns: Mapping[str, Column[Any]], *, mapped: bool) -> None:
    """Let no column pass that cannot hold what is written there. Through a map, values are converted.

    Raises:
        TypeError: which one, why, and what to do.
    """
    for name, column in columns.items():
        if wrong := _wrong(name, column, mapped=mapped):
            raise TypeError(f"{column} {wrong}; {_remedy(name, mapped=mapped)}")


def refuse_unfilled(table: Table, filled: set[Column[Any]]) -> None:
    """Let no column pass that an INSERT of ours leaves without a value.

    Raises:
        TypeError: which one, why, and what to do.
    """
    for column in (column for column in table.columns if column not in filled):
        made = column.default is not None or column.server_default is not None or column.identity or column.computed
        if not (column.nullable or made or column is table.autoincrement_column):
            raise TypeError(
                f"{column} needs a default: a registration has no value for it, and calls no constructor. Give it "
                "default= or server_default=, which is FetchedValue() where a trigger fills it"
            )
        if is_unique(column) and _is_constant(column):
            raise TypeError(
                f"{column} is unique and its default is always the same: one person could register. Give it a function"
            )


def refuse_shared(column: Column[Any]) -> None:
    """Let no column decide who has an address that holds one twice.

    Raises:
        TypeError: which one, why, and what to do.
    """
    if not is_unique(column):
        raise TypeError(
            f"{column} is not unique: two people could register one address at once. Give it unique=True; where only "
            "the database knows it so far, that changes nothing there"
        )


def kind_of(column: ColumnElement[Any]) -> type:
    """What its values are in Python; `object` where its type does not say."""
    kind = column.type
    if isinstance(kind, TypeDecorator) and kind.python_type is object:
        return kind.impl_instance.python_type
    return kind.python_type


def key_kind(column: ColumnElement[Any]) -> type:
    """The same of a key, which we read from text: a type that converts its values by rules of its own must say."""
    kind = column.type
    if isinstance(kind, TypeDecorator) and kind.python_type is object:
        names = ("process_bind_param", "process_result_value")
        converts = any(getattr(type(kind), name) is not getattr(TypeDecorator, name) for name in names)
        return object if converts else kind_of(column)
    return kind.python_type


def is_unique(column: Column[Any]) -> bool:
    """Whether no two rows have the same value there."""
    alone = {(column,)}
    return (
        bool(column.unique)
        or any(isinstance(c, UniqueConstraint) and tuple(c.columns) in alone for c in column.table.constraints)
        or any(index.unique and _columns(index) in alone for index in column.table.indexes)
    )


def _is_constant(column: Column[Any]) -> bool:
    # SQL text may be a function.
    default = column.server_default if column.default is None else column.default
    return isinstance(getattr(default, "arg", None), str | int)


def _wrong(name: str, column: Column[Any], *, mapped: bool) -> str | None:
    need, kinds = (_MAPPED if mapped else _KINDS)[name]
    # An Enum of texts is text in Python and takes only its own, and JSON may be anything.
    if isinstance(column.type, Enum | JSON) or kind_of(column) not in {*kinds, object}:
        return f"is of type {type(column.type).__name__}, and {name} is {need}"
    length = getattr(column.type, "length", None)
    # Through a map a longer address is refused, and a longer name is cut; half a hash would be no hash.
    if length and length < _LONGEST.get(name, 0) and not (mapped and name != "password_hash"):
        return f"holds {length} characters, and {name} needs {_LONGEST[name]}"
    if name not in {"email", "email_canonical"} and is_unique(column):
        return f"is unique, and two people may have the same {name}"
    if name in _NULL and not column.nullable and not (mapped and name == "password_hash"):
        return f"may not be NULL, and not everybody has a {name}"
    if not mapped and column.nullable and name not in _NULL:
        return f"may be NULL, and everybody has a {name}"
    return None


def _remedy(name: str, *, mapped: bool) -> str:
    if not mapped:
        return "make it as AccountMixin does, or do without the mixin and name the columns that fit in columns="
    if name == "email":
        return "map a column that is fit for it"
    return f"map a column that is fit for it, or leave {name} out of columns= and Fastness keeps its own"


def _columns(index: Index) -> tuple[Any, ...]:
    return tuple(index.columns)
