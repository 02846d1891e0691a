"""Small changes to a module, each of which some test ought to notice.

One change at a time: a comparison or a boolean operator turned round, a condition dropped or negated, arithmetic or a
constant changed, a value not returned, a statement or an argument left out, two arguments swapped. Left alone is what no
caller can see: annotations, documentation, the words of errors and settings, and how a class is laid out.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

_TURNED: dict[type[ast.AST], type[ast.AST]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In, ast.And: ast.Or, ast.Or: ast.And,
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.FloorDiv, ast.FloorDiv: ast.Mult, ast.Div: ast.Mult,
    ast.Mod: ast.Mult, ast.Pow: ast.Mult, ast.BitOr: ast.BitAnd, ast.BitAnd: ast.BitOr,
}  # fmt: skip
_WORDS = {"description", "title", "slots"}
"""Keyword arguments that are for readers, or for memory."""
_TYPING = {"TypeVar", "cast", "getLogger", "dataclass", "runtime_checkable", "MissingExtra", "UnsafeConfiguration"}
_EITHER_WAY = {"compare_digest", "max", "min"}
"""Their two arguments may change places."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change: what stands from `start` to `end` (bytes of the file) becomes `after`."""

    line: int
    kind: str
    before: str
    after: str
    start: int
    end: int

    def applied(self, source: bytes) -> bytes:
        """The module with this change, on as many lines as before."""
        lines = "\n" * (self.before.count("\n") - self.after.count("\n"))
        after = f"{self.after[:-1]}{lines})" if self.after.startswith("(") else f"{self.after}{lines}"
        return source[: self.start] + after.encode() + source[self.end :]

    def __str__(self) -> str:
        before, after = (" ".join(text.split()) for text in (self.before, self.after))
        return f"{self.kind}: {before} -> {after}"


def mutants(source: bytes) -> list[Mutant]:
    """Every change to this module, in the order of its lines."""
    lines = source.splitlines(keepends=True)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    found: dict[tuple[int, int, str], Mutant] = {}
    for node, kind, after in _changes(ast.parse(source)):
        start, end = (
            starts[node.lineno - 1] + node.col_offset,
            starts[node.end_lineno - 1] + node.end_col_offset,
        )
        before = source[start:end].decode()
        if after != before:
            found.setdefault((start, end, after), Mutant(node.lineno, kind, before, after, start, end))
    return sorted(found.values(), key=lambda one: (one.start, one.end))


def _changes(node: ast.AST) -> Iterator[tuple[Any, str, str]]:
    if isinstance(node, ast.stmt):
        yield from _of_statement(node)
    elif isinstance(node, ast.expr):
        yield from _of_expression(node)
    for child in _children(node):
        yield from _changes(child)


def _children(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.JoinedStr):
        return  # positions inside of it are not to be trusted before Python 3.12
    if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
        return
    if isinstance(node, ast.Call) and _name(node.func) in _TYPING:
        return
    for name, value in ast.iter_fields(node):
        if name in {"annotation", "returns"} or (isinstance(node, ast.Subscript) and _name(node.value) == "Literal"):
            continue
        if name == "decorator_list" and isinstance(node, ast.ClassDef):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST) and not _is_words(node, child):
                yield child


def _is_words(parent: ast.AST, node: ast.AST) -> bool:
    """Whether this is text for a reader: a docstring, the words of an error or a setting, an entry of __all__."""
    match node:
        case ast.Expr(value=ast.Constant()):
            return True
        case ast.keyword(arg=name):
            return name in _WORDS
        case ast.Assign(targets=[ast.Name(id="__all__" | "__slots__"), *_]):
            return True
        case ast.Constant(value=str(text)):
            # A class that is given a sentence is an error with its reason.
            return " " in text.strip() if _is_made(parent) else text.count(" ") > 1
        case ast.JoinedStr():
            return _is_made(parent)
    return False


def _is_made(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and _name(node.func)[:1].isupper()


def _name(node: ast.AST) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def _of_statement(node: ast.stmt) -> Iterator[tuple[Any, str, str]]:
    called = isinstance(node, ast.Expr) and isinstance(node.value, ast.Call | ast.Await)
    stored = isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Attribute | ast.Subscript)
    if called or stored or isinstance(node, ast.Raise | ast.AugAssign | ast.Delete | ast.Continue | ast.Break):
        yield node, "left out", "pass"
    if isinstance(node, ast.AugAssign) and type(node.op) in _TURNED:
        yield node, "arithmetic", ast.unparse(_with(node, op=_TURNED[type(node.op)]()))
    if isinstance(node, ast.Return) and node.value is not None and ast.unparse(node.value) not in {"None", "False"}:
        yield node, "not returned", "return None"
    if isinstance(node, ast.If | ast.While):
        yield from _negated(node.test)


def _of_expression(node: ast.expr) -> Iterator[tuple[Any, str, str]]:  # noqa: C901 - one case a kind
    match node:
        case ast.Compare(ops=operators):
            for at, turned in enumerate(operators):
                ops = [*operators[:at], _TURNED[type(turned)](), *operators[at + 1 :]]
                yield node, "comparison", _spelt(_with(node, ops=ops))
        case ast.BoolOp():
            yield from _of_and_or(node)
        case ast.UnaryOp(op=ast.Not() | ast.USub(), operand=operand):
            yield node, "sign", _spelt(operand)
        case ast.BinOp(op=operator) if type(operator) in _TURNED:
            yield node, "arithmetic", _spelt(_with(node, op=_TURNED[type(operator)]()))
        case ast.IfExp(test=test):
            yield from _negated(test)
        case ast.Constant():
            yield from _of_constant(node)
        case ast.JoinedStr():
            yield node, "constant", '""'
        case ast.Call() if _name(node.func) not in _TYPING:
            yield from _of_call(node)
        case ast.GeneratorExp() | ast.ListComp() | ast.SetComp() | ast.DictComp():
            for test in [test for part in node.generators for test in part.ifs]:
                yield from _negated(test)


def _of_and_or(node: ast.BoolOp) -> Iterator[tuple[Any, str, str]]:
    yield node, "and/or", _spelt(_with(node, op=_TURNED[type(node.op)]()))
    for at in range(len(node.values)):
        rest = [*node.values[:at], *node.values[at + 1 :]]
        yield node, "dropped", _spelt(_with(node, values=rest) if len(rest) > 1 else rest[0])


def _negated(test: ast.expr) -> Iterator[tuple[Any, str, str]]:
    # Of the others a part is turned round already.
    if not isinstance(test, ast.Compare | ast.BoolOp | ast.UnaryOp):
        yield test, "negated", f"(not {_spelt(test)})"


def _of_constant(node: ast.Constant) -> Iterator[tuple[Any, str, str]]:
    value = node.value
    if isinstance(value, bool):
        yield node, "constant", repr(not value)
    elif isinstance(value, int | float):
        yield node, "constant", repr(value + 1)
    elif isinstance(value, str):
        yield node, "constant", repr(value + "x")
    elif isinstance(value, bytes):
        yield node, "constant", repr(value + b"x")


def _of_call(node: ast.Call) -> Iterator[tuple[Any, str, str]]:
    for keyword in node.keywords:
        if keyword.arg is not None and keyword.arg not in _WORDS:
            rest = [other for other in node.keywords if other is not keyword]
            yield node, "argument", _spelt(_with(node, keywords=rest))
    if (
        len(node.args) > 1
        and _name(node.func) not in _EITHER_WAY
        and not any(isinstance(each, ast.Starred) for each in node.args[:2])
    ):
        swapped = [node.args[1], node.args[0], *node.args[2:]]
        yield node, "swapped", _spelt(_with(node, args=swapped))


def _with(node: Any, **changed: Any) -> Any:
    twin = copy.copy(node)
    for name, value in changed.items():
        setattr(twin, name, value)
    return twin


def _spelt(node: ast.AST) -> str:
    return f"({ast.unparse(node)})"
