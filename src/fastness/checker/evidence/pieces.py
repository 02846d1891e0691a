"""The pieces of a text that is put together over several steps, and where each of them comes from."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from fastness.checker.evidence.found import Variable
from fastness.checker.evidence.origin import Source
from fastness.checker.evidence.scope import Scope

if TYPE_CHECKING:
    from fastness.checker.evidence.project import Project

DEEP = 8
STORED = frozenset({
    "fetchone", "fetchall", "fetchmany", "fetch", "fetchrow", "fetchval", "fetch_one", "fetch_all", "first", "one",
    "one_or_none", "scalar", "scalars", "scalar_one", "scalar_one_or_none", "all", "find", "find_one", "execute", "query",
    "listdir", "iterdir", "scandir", "to_list", "get_or_none", "hgetall", "hget", "mget", "lrange",
})  # fmt: skip
"""Calls that give what somebody stored: rows, documents, file names."""
Kind = Literal["request", "stored"]


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """One thing that is put into a text."""

    project: Project
    scope: Scope
    expr: ast.expr

    @property
    def sources(self) -> frozenset[Source]:
        """Where it comes from."""
        return self.project.flow.origins(self.scope, self.expr)

    def asked(self, cleaned: Collection[str] = ()) -> list[Source]:
        """The sources that are text of the client's choice; `cleaned` names the functions that make it harmless."""
        return [
            s for s in self.sources if s.kind == "request" and s.direct and not s.harmless and not s.passed(*cleaned)
        ]

    def stored(self, cleaned: Collection[str] = ()) -> list[Source]:
        """The sources that are text which somebody stored before."""
        return [s for s in self.sources if kept(s) and not s.harmless and not s.passed(*cleaned)]

    @property
    def code(self) -> str:
        """Its text, short."""
        return self.project.code(self.scope, self.expr)[:60]


def kept(source: Source) -> bool:
    """Whether a source gives what somebody stored: a row, a document, the name of a file."""
    if source.kind not in {"call", "request", "unknown", "environment", "dependency", "parameter"}:
        return False
    return source.passed(*STORED) or (source.kind == "call" and source.name.rpartition(".")[2] in STORED)


def pieces(
    project: Project, scope: Scope, expr: ast.expr | None, cleaned: Collection[str] = (), deep: int = 0
) -> Iterator[Piece]:
    """Everything that is put into the text of `expr`: through names, loops, `join`, `format`, functions of the project."""
    if expr is None or deep > DEEP or isinstance(expr, ast.Constant):
        return

    def inner(*parts: ast.expr | None) -> Iterator[Piece]:
        for part in parts:
            yield from pieces(project, scope, part, cleaned, deep + 1)

    match expr:
        case ast.JoinedStr(values=values):
            yield from inner(*(v.value for v in values if isinstance(v, ast.FormattedValue)))
        case ast.BinOp(left=left, op=ast.Add() | ast.Mod(), right=right):
            yield from inner(left, right)
        case ast.Tuple(elts=elements) | ast.List(elts=elements):
            yield from inner(*elements)
        case ast.Dict(values=elements):
            yield from inner(*elements)
        case ast.IfExp(body=body, orelse=orelse):
            yield from inner(body, orelse)
        case ast.BoolOp(values=values):
            yield from inner(*values)
        case ast.Await(value=value) | ast.NamedExpr(value=value) | ast.Starred(value=value):
            yield from inner(value)
        case ast.ListComp(elt=element) | ast.GeneratorExp(elt=element) | ast.SetComp(elt=element):
            yield from inner(element)
        case ast.Name():
            yield from _named(project, scope, expr, cleaned, deep)
        case ast.Call():
            yield from _called(project, scope, expr, cleaned, deep)
        case _:
            if not _fixed(project, scope, expr):
                yield Piece(project, scope, expr)


def _fixed(project: Project, scope: Scope, expr: ast.expr) -> bool:
    """Whether an expression is a constant of the program."""
    return isinstance(project.value(scope, expr).constant, (str, int, float, bytes))


def _named(project: Project, scope: Scope, expr: ast.Name, cleaned: Collection[str], deep: int) -> Iterator[Piece]:
    found = project.names.lookup(scope, expr.id)
    values = [a.value for a in found.assignments if a.value is not None] if isinstance(found, Variable) else []
    if _fixed(project, scope, expr):
        return
    if not isinstance(found, Variable) or any(a.how not in {"plain", "add", "walrus"} for a in found.assignments):
        yield Piece(project, scope, expr)
    elif any(_composed(value) for value in values):
        for value in values:
            yield from pieces(project, found.scope, value, cleaned, deep + 1)
        yield from _appended(project, found, cleaned, deep)
    elif values and all(isinstance(v, ast.Call) and _word(v.func) in cleaned for v in values):
        return
    else:
        yield Piece(project, scope, expr)


def _appended(project: Project, found: Variable, cleaned: Collection[str], deep: int) -> Iterator[Piece]:
    """`rows = []`, then `rows.append(f"<li>{name}")`."""
    for call in found.scope.calls:
        func = call.func
        if (
            isinstance(func, ast.Attribute)
            and func.attr in {"append", "extend"}
            and isinstance(func.value, ast.Name)
            and func.value.id == found.name
        ):
            for value in call.args:
                yield from pieces(project, found.scope, value, cleaned, deep + 1)


def _called(project: Project, scope: Scope, expr: ast.Call, cleaned: Collection[str], deep: int) -> Iterator[Piece]:
    word = _word(expr.func)
    if word in cleaned:
        return
    base = expr.func.value if isinstance(expr.func, ast.Attribute) else None
    if base is not None and word in {"join", "format", "format_map"}:
        for part in (base, *expr.args, *(k.value for k in expr.keywords)):
            yield from pieces(project, scope, part, cleaned, deep + 1)
        return
    if base is not None and word in {"replace", "strip", "rstrip", "lstrip", "encode"}:
        for part in (base, *(expr.args[1:2] if word == "replace" else ())):
            yield from pieces(project, scope, part, cleaned, deep + 1)
        return
    if word in {"str", "dedent", "cleandoc", "text", "Markup"} and expr.args:
        yield from pieces(project, scope, expr.args[0], cleaned, deep + 1)
        return
    target = project.names.called(scope, expr)
    if target is not None and target.short != "__init__":
        returns = project.function_of(target).returns
        if any(_composed(value) for value in returns):
            for value in returns:
                yield from pieces(project, target, value, cleaned, deep + 1)
            return
    if not _fixed(project, scope, expr):
        yield Piece(project, scope, expr)


def _composed(expr: ast.expr) -> bool:
    """Whether an expression puts a text or list together."""
    match expr:
        case ast.JoinedStr() | ast.List() | ast.ListComp() | ast.GeneratorExp():
            return True
        case ast.BinOp(op=ast.Add() | ast.Mod()):
            return True
        case ast.Constant(value=str()):
            return True
        case ast.Call(func=ast.Attribute(attr="join" | "format" | "replace")):
            return True
        case _:
            return False


def _word(func: ast.expr) -> str:
    return func.attr if isinstance(func, ast.Attribute) else getattr(func, "id", "")
