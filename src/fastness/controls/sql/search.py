"""Search terms that mean themselves: `%` and `_` are escaped, and what databases refuse never reaches one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastness.core.errors import Refused

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, SQLColumnExpression

_LONGEST_TERM = 256


class BadSearchTerm(Refused):
    """A search term is empty, too long, or holds what databases refuse."""

    code, status, public = "bad_search_term", 422, "A search term is 1 to 256 characters of text without NUL."


def contains(column: SQLColumnExpression[str], term: str) -> ColumnElement[bool]:
    """Rows whose `column` has `term` inside, in either case; `%` and `_` mean themselves.

    No index helps this on a large table: prefer `starts_with` (API4:2023).

    Raises:
        BadSearchTerm: empty, longer than 256 characters, NUL or a lone surrogate inside.
    """
    return column.icontains(_literal(term), autoescape=True)


def starts_with(column: SQLColumnExpression[str], term: str) -> ColumnElement[bool]:
    """Rows whose `column` begins with `term`, in either case; `%` and `_` mean themselves.

    SQLite compares only ASCII letters in either case. Store a folded column where that matters.

    Raises:
        BadSearchTerm: empty, longer than 256 characters, NUL or a lone surrogate inside.
    """
    return column.istartswith(_literal(term), autoescape=True)


def _literal(term: str) -> str:
    # PostgreSQL answers NUL with error 22021, no driver encodes a lone surrogate, and SQLite limits a pattern's length.
    if not 0 < len(term) <= _LONGEST_TERM or "\0" in term:
        raise BadSearchTerm
    try:
        term.encode()
    except UnicodeEncodeError:
        raise BadSearchTerm from None
    return term
