"""Whether SQL text holds values: strings, numbers, comments, a second statement. One pass, linear, no parser.

The first of them decides, so what follows a quotation mark, and how a dialect escapes inside it, does not matter.
"""

from __future__ import annotations

import re

_TOKEN = re.compile(
    r"""
      (?P<comment> -- | /\* | \# (?![>-]) )
    | (?P<string> ' | \$ (?:[A-Za-z_]\w*)? \$ )
    | "(?:[^"]|"")*" | `[^`]*`                              # names
    | :: | :\w+ | %\(\w+\)s | %s | \?\d* | \$\d+ | @\w+     # casts and bound parameters
    | [^\W\d][\w$]*                                         # words, with the digits in them
    | (?P<number> \.?\d )
    | (?P<statement> ; (?=\s*\S) )
    | [^'"`$:%?@\w.;/#-]+ | .
    """,
    re.VERBOSE | re.DOTALL,
)
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

_ALONE = re.compile(r"\s*(?:'[^'\\]*'|[0-9]+(?:\.[0-9]+)?)\s*")
_BLANKED = re.compile(r"'(?:[^']|'')*(?:'|\Z)|\$(\w*)\$.*?(?:\$\1\$|\Z)|\b\d[\w.]*", re.DOTALL)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\s]+")
_SHOWN = 200


def inlined(text: str) -> str | None:
    """What `text` holds that should be bound, or that only an attack brings; None when there is nothing."""
    for token in _TOKEN.finditer(text):
        if token.lastgroup is not None:
            return token.lastgroup
    return None


def alone(text: str) -> bool:
    """Whether a fragment is one string or number and nothing else: then nothing broke out of it."""
    return _ALONE.fullmatch(text) is not None


def utility(text: str) -> bool:
    """Whether `text` is one statement that defines or administers, and whose values cannot be bound."""
    first = _FIRST_WORD.match(text)
    return (
        first is not None
        and first[1].lower() in _UTILITY
        and not any(token.lastgroup in {"comment", "statement"} for token in _TOKEN.finditer(_BLANKED.sub(" ", text)))
    )


def skeleton(text: str) -> str:
    """`text` without its values, for the log: at most 200 characters on one line."""
    return _CONTROL.sub(" ", _BLANKED.sub("?", text))[:_SHOWN]
