"""Whether SQL text holds values: strings, numbers, comments, a second statement. One pass, linear, no parser.

The first of them decides whether there is one. Where that is not enough (a statement that administers may hold values,
the log may not) a quotation mark is read as the database reads it, and what could be read in two ways hides nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_FIRST, _NEXT = r"[A-Za-z_\x80-\U0010ffff]", r"[\w$\x80-\U0010ffff]"
"""Letters of a word: databases take whatever is not ASCII for one."""
_STRING = r"' (?:[^'\\] | '')*+ '"
_NAME = r'" [^"]* "'  # no escapes: "a""b" is read as two
_TAGGED = rf"(?<!{_NEXT}) \$ (?P<tag> (?:{_FIRST}[\w\x80-\U0010ffff]*)? ) \$ .*? \$(?P=tag)\$"


def _reading(*, strings: str, names: str, marks: str = "'\"`$", comment: str = r"\# (?![>-])") -> re.Pattern[str]:
    return re.compile(
        rf"""
          (?P<comment> (?: -- | /\* | {comment} ) .* )
        | (?P<string> {strings} )
        | {names}
        | :: | :\w+ | %\(\w+\)s | %s | \?\d* | [$@]\w+    # casts and bound parameters
        | {_FIRST}{_NEXT}*                                 # words, with the digits in them
        | (?P<number> \.?\d[\w.]* )
        | (?P<statement> ; (?=\s*\S) )
        | (?P<rest> [{marks}] .* )                         # a quotation that ends nowhere, or has a backslash
        | [^'"`$:%?@\w.;/\#\[\x80-\U0010ffff-]+ | .
        """,
        re.VERBOSE | re.DOTALL,
    )


# MySQL takes "x" for a string, and SQLite does where there is no such column.
_SQLITE = _reading(strings=rf'{_STRING} | " (?:[^"\\] | "")*+ "', names=r"` [^`]* ` | \[ [^\]]* \]", marks=r"'\"`$\[")
_MYSQL = _reading(strings=rf'{_STRING} | " (?:[^"\\] | "")*+ "', names="` [^`]* `", comment=r"\#")
_POSTGRESQL = _reading(strings=f"{_STRING} | {_TAGGED}", names=_NAME)
_MSSQL = _reading(strings=_STRING, names=rf"{_NAME} | \[ (?:[^\]] | \]\])*+ \]", marks=r"'\"`$\[")
_OTHER = _reading(strings=f"{_STRING} | {_TAGGED}", names=r'" [^"\\]* " | ` [^`\\]* `')
_OF = {"sqlite": _SQLITE, "mysql": _MYSQL, "mariadb": _MYSQL, "postgresql": _POSTGRESQL, "mssql": _MSSQL}

_FIRST_WORD = re.compile(r"\s*([A-Za-z]+)")
_UTILITY = frozenset(
    [
        "alter",
        "analyze",
        "attach",
        "begin",
        "comment",
        "commit",
        "create",
        "detach",
        "discard",
        "drop",
        "grant",
        "lock",
        "pragma",
        "refresh",
        "reindex",
        "release",
        "reset",
        "revoke",
        "rollback",
        "savepoint",
        "set",
        "show",
        "start",
        "truncate",
        "use",
        "vacuum",
    ]
)
"""Statements whose values no database lets anybody bind, and those without values."""

_ALONE = re.compile(r"""\s*(?:'[^'\\]*'|"[^"\\]*"|[0-9]+(?:\.[0-9]+)?)\s*""")
_SECOND = re.compile(r"--|/\*|\#|;\s*\S")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\s]+")
_SHOWN = 200


def inlined(text: str, dialect: str) -> str | None:
    """What `text` holds that should be bound, or that only an attack brings; None when there is nothing."""
    for token in _tokens(text, dialect):
        if token.lastgroup is not None:
            return "string" if token.lastgroup == "rest" else token.lastgroup
    return None


def alone(text: str) -> bool:
    """Whether a fragment is one string, name or number and nothing else: then nothing broke out of it."""
    return _ALONE.fullmatch(text) is not None


def utility(text: str, dialect: str) -> bool:
    """Whether `text` is one statement that defines or administers, and whose values cannot be bound."""
    return defines(text) and not any(
        token.lastgroup in {"comment", "statement"} or (token.lastgroup == "rest" and _SECOND.search(token[0]))
        for token in _tokens(text, dialect)
    )


def defines(text: str) -> bool:
    """Whether `text` begins like a statement that defines or administers."""
    first = _FIRST_WORD.match(text)
    return first is not None and first[1].lower() in _UTILITY


def skeleton(text: str, dialect: str) -> str:
    """`text` without its values, and without what follows a comment, for the log: at most 200 characters on one line."""
    kept = (
        "?" if token.lastgroup in {"string", "number", "comment", "rest"} else token[0]
        for token in _tokens(text, dialect)
    )
    return _CONTROL.sub(" ", "".join(kept))[:_SHOWN]


def _tokens(text: str, dialect: str) -> Iterator[re.Match[str]]:
    return _OF.get(dialect, _OTHER).finditer(text)
