"""Values that a message itself calls a password or a code: `f"your PIN is {value}"`, `"initial password: %s", value`."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from itertools import pairwise

from fastness.checker.evidence.walking import walk

_CALLED = re.compile(
    r"\b(password|passphrase|passcode|pin|otp|(one[- ]time|verification|reset|security|login|activation|confirmation) (code|token))\b"
    r"( (code|is|will be|for [^:=]{1,40}))?\s{0,2}[:=]?\s{0,2}['\"`(\[]?$",
    re.IGNORECASE,
)
_REFUSES = re.compile(r"invalid|wrong|incorrect|fail|error|missing|expired|unknown|without|mismatch|no ", re.IGNORECASE)
_OTHER = re.compile(
    r"^(e|ex|exc|err\w*|reason|message|msg|detail|count|n|len\w*|size|status|name|user\w*|e?mail|id)$|_id$|hash",
    re.IGNORECASE,
)
_MARK = re.compile(r"%s|%r|\{\}")


def announced(call: ast.Call) -> dict[int, str]:
    """The arguments and pieces of a call, by identity, that the text before them calls a secret; with that word."""
    found: dict[int, str] = {}
    for node in walk(call):
        for before, value in _pairs(node):
            word = _CALLED.search(before[-80:])
            if word is not None and not _REFUSES.search(before) and _bare(value):
                found[id(value)] = word[1].lower()
    return found


def _pairs(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """Each value with the text that leads to it."""
    match node:
        case ast.JoinedStr(values=parts):
            for text, part in pairwise(parts):
                if isinstance(text, ast.Constant) and isinstance(part, ast.FormattedValue):
                    yield str(text.value), part.value
        case ast.BinOp(left=ast.Constant(value=str(text)), op=ast.Add(), right=value):
            yield text, value
        case ast.BinOp(left=ast.Constant(value=str(text)), op=ast.Mod(), right=value):
            yield from _filled(text, value.elts if isinstance(value, ast.Tuple) else [value])
        case ast.Call(func=ast.Attribute(value=ast.Constant(value=str(text)), attr="format"), args=args):
            yield from _filled(text, args)
        case ast.Call(args=[ast.Constant(value=str(text)), *rest]) if rest:
            yield from _filled(text, rest)
            if not _MARK.search(text):
                yield text, rest[0]


def _filled(text: str, values: list[ast.expr]) -> Iterator[tuple[str, ast.expr]]:
    yield from zip(_MARK.split(text), values, strict=False)


def _bare(value: ast.expr) -> bool:
    word = value.attr if isinstance(value, ast.Attribute) else getattr(value, "id", "")
    return isinstance(value, (ast.Name, ast.Attribute)) and not _OTHER.search(word) and not word.isupper()
