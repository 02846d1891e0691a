"""Column types, text comparison and one-time secrets that several tables share."""

from __future__ import annotations

import hashlib
import secrets
from typing import Any

from sqlalchemy import Double, Insert, LargeBinary, String, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

Seconds = Double
"""Unix seconds, passed in by the caller."""

Digest = LargeBinary(32)
"""A SHA-256: what we keep of a secret."""


def exact_string(length: int) -> String:
    """Text compared byte by byte, so that one index serves equality, order and prefix on PostgreSQL too."""
    return String(length).with_variant(String(length, collation="C"), "postgresql")


class bytewise(FunctionElement[str]):  # noqa: N801 - reads as the SQL function it is
    """An expression compared byte by byte whatever the database's collation is."""

    type = String()
    inherit_cache = True


@compiles(bytewise)
def _plain(element: bytewise, compiler: Any, **kw: Any) -> str:
    return str(compiler.process(element.clauses, **kw))


@compiles(bytewise, "postgresql")
def _collated(element: bytewise, compiler: Any, **kw: Any) -> str:
    return f'({compiler.process(element.clauses, **kw)} COLLATE "C")'


class bytewise_index(bytewise):  # noqa: N801 - reads as the SQL function it is
    """The same as an index holds it.

    PostgreSQL's catalogue does not tell the collation of an indexed expression, so that Alembic would see a difference
    for ever. It leaves an expression alone that names its operator class, and this one is the default.
    """

    inherit_cache = True


@compiles(bytewise_index, "postgresql")
def _of_class(element: bytewise_index, compiler: Any, **kw: Any) -> str:
    return f"{_collated(element, compiler, **kw)} text_ops"


def inserts(table: Table) -> dict[str, sqlite.Insert | postgresql.Insert]:
    """The INSERT of each supported dialect, by its name: ON CONFLICT has no common form."""
    return {"sqlite": sqlite.insert(table), "postgresql": postgresql.insert(table)}


def adds(table: Table, *returning: Any) -> dict[str, Insert]:
    """An INSERT that does nothing when a unique value is taken, for each dialect."""
    return {name: insert.on_conflict_do_nothing().returning(*returning) for name, insert in inserts(table).items()}


def new_secret(size: int = 32) -> str:
    """`size` random bytes as base64url."""
    return secrets.token_urlsafe(size)


def digest(text: str) -> bytes:
    """What is stored of a high-entropy secret. Never raises, whatever the text."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def storable(text: str) -> bool:
    """Whether PostgreSQL can hold this text at all: no NUL, no lone surrogate."""
    return "\0" not in text and (text.isascii() or not any("\ud800" <= c <= "\udfff" for c in text))


def label(text: str, length: int) -> str:
    """Text of a stranger (an address, a user agent) made fit to store and show: printable, at most `length` long."""
    return "".join(c if c.isprintable() else "?" for c in text[:length])
