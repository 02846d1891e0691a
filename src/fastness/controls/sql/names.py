"""Names from an allow-list: what cannot be bound is looked up (CVE-2026-1287, CVE-2025-57833). ASVS 1.2.4."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from fastness.core.errors import Refused

if TYPE_CHECKING:
    from sqlalchemy import SQLColumnExpression, UnaryExpression


class UnknownName(Refused):
    """A name was asked for that is not on the allow-list."""

    code, status, public = "unknown_name", 422, "This name is not one of the allowed ones."


class UnknownSort(Refused):
    """A sort order was asked for that is not on the allow-list."""

    code, status, public = "unknown_sort", 422, "This sort order is not one of the allowed ones."


def identifier(value: str, allowed: Collection[str]) -> str:
    """The member of `allowed` that equals `value`: a table or column name that the source knows.

    Raises:
        UnknownName: there is none; an empty list allows nothing.
    """
    for name in allowed:
        if name == value:
            return name  # ours, not the caller's: a subclass of str with its own ideas goes no further
    raise UnknownName


def order_by(value: str, allowed: Mapping[str, SQLColumnExpression[Any]]) -> UnaryExpression[Any]:
    """`"name"` or `"-created_at"` as an ascending or descending order of an allowed column.

    Raises:
        UnknownSort: any other text. Its `members` list the allowed names: they are part of the API.
    """
    column = allowed.get(value.removeprefix("-"))
    if column is None:
        raise UnknownSort(members={"allowed": sorted(allowed)})
    return column.desc() if value.startswith("-") else column.asc()
