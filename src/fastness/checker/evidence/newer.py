"""Syntax newer than this Python, said in older words, line by line, so that `ast` can read the file.

libcst reads grammars that this interpreter does not know. What it finds is replaced by something older that means the
same to a reader of names and calls; lines stay where they are.
"""

from __future__ import annotations

import ast
import re
import threading
from typing import Any

DEEPEST = 90
"""Brackets or signs inside each other: libcst's native parser has no limit of its own and ends the process."""
STACK = 128 * 1024 * 1024
"""Bytes for the thread that parses: long chains of `elif` and `+` recurse too."""
_PART = re.compile(r"(?P<sign>[-+~])|\b(?P<word>not|await)\b|\b(?P<lambda>lambda)\b[^:\n]{0,200}:|\w+|[^\w\s]")


def rewritten(text: str) -> str | None:
    """`text` in older syntax, or None when libcst refuses it too, or would not survive it."""
    if _nested(text) > DEEPEST or _prefixed(text) > DEEPEST:
        return None
    answers: list[str | None] = []
    before = threading.stack_size(STACK)
    try:
        thread = threading.Thread(target=lambda: answers.append(_older(text)))
        thread.start()
    finally:
        threading.stack_size(before)
    thread.join()
    return answers[0] if answers else None


def _nested(text: str) -> int:
    deepest = now = 0
    for sign in re.findall(r"[(\[{)\]}]", text):
        now = now + 1 if sign in "([{" else max(0, now - 1)
        deepest = max(deepest, now)
    return deepest


def _older(text: str) -> str | None:
    import libcst as cst

    whole = cst.Module([])

    class Code(cst.SimpleString):
        """Code in the place of a string, also beside other strings: what counts is what comes out."""

        def _validate(self) -> None:
            pass

    class Older(cst.CSTTransformer):
        def leave_ExceptHandler(self, original_node: cst.ExceptHandler, updated_node: cst.ExceptHandler) -> Any:
            del original_node
            kind = updated_node.type
            if isinstance(kind, cst.Tuple) and not kind.lpar:
                return updated_node.with_changes(
                    type=kind.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])
                )
            return updated_node

        def leave_TypeAlias(self, original_node: cst.TypeAlias, updated_node: cst.TypeAlias) -> Any:
            del original_node
            return cst.Assign([cst.AssignTarget(updated_node.name)], updated_node.value)

        def leave_FunctionDef(self, original_node: cst.FunctionDef, updated_node: cst.FunctionDef) -> Any:
            del original_node
            return updated_node.with_changes(type_parameters=None)

        def leave_ClassDef(self, original_node: cst.ClassDef, updated_node: cst.ClassDef) -> Any:
            del original_node
            return updated_node.with_changes(type_parameters=None)

        def leave_FormattedString(self, original_node: cst.FormattedString, updated_node: cst.FormattedString) -> Any:
            del original_node
            return self._older(updated_node)

        def leave_TemplatedString(self, original_node: Any, updated_node: Any) -> Any:
            del original_node
            return self._older(updated_node)

        def _older(self, string: Any) -> Any:
            """A join of the parts, where this Python refuses the string: a nested quote, a backslash, a line break."""
            bare = string.with_changes(lpar=[], rpar=[])
            if _fine(whole.code_for_node(bare)):
                return string
            start = re.sub(r"[fFtT]", "", string.start)
            parts: list[str] = []
            for part in string.parts:
                if hasattr(part, "expression"):
                    before = whole.code_for_node(part.whitespace_before_expression)
                    parts.append(f"{before}{whole.code_for_node(part.expression)}")
                    parts[-1] += whole.code_for_node(part.whitespace_after_expression)
                else:
                    parts.append(f"{start}{part.value.replace('{{', '{').replace('}}', '}')}{string.end}")
            return Code(f'"".join([{", ".join(parts)}])', lpar=string.lpar, rpar=string.rpar)

        def leave_ConcatenatedString(
            self, original_node: cst.ConcatenatedString, updated_node: cst.ConcatenatedString
        ) -> Any:
            """Strings beside each other need a plus as soon as one of them became a call."""
            del original_node
            sides: list[Any] = [updated_node.left, updated_node.right]
            if not any(isinstance(side, Code) for side in sides):
                return updated_node
            between = whole.code_for_node(updated_node.whitespace_between)
            left, right = (whole.code_for_node(side) for side in sides)
            return Code(f"({left}{between} + {right})", lpar=updated_node.lpar, rpar=updated_node.rpar)

    try:
        return cst.parse_module(text).visit(Older()).code
    except (cst.ParserSyntaxError, cst.CSTValidationError, RecursionError, ValueError, AttributeError):
        return None


def _fine(code: str) -> bool:
    if code.lstrip("rRbBuUfF")[:1] not in {'"', "'"}:
        return False
    try:
        ast.parse(f"({code})")
    except (SyntaxError, ValueError):
        return False
    return True


def _prefixed(text: str) -> int:
    """How many signs, `not`s, `await`s or lambdas stand one before the other at most."""
    most = count = 0
    for part in _PART.finditer(text):
        count = count + 1 if part.lastgroup else 0
        most = max(most, count)
    return most
