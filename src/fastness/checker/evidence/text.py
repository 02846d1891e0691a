"""Texts that are put together from pieces: f-strings, `format`, `%`, `+`, `join`, found behind names."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fastness.checker.evidence.found import Variable
from fastness.checker.evidence.scope import Scope

if TYPE_CHECKING:
    from fastness.checker.evidence.project import Project

DEEP = 6


@dataclass(frozen=True, slots=True, eq=False)
class Formatted:
    """One expression that puts text together."""

    scope: Scope
    node: ast.expr
    text: str
    """The constant parts, with `{}` between them."""
    pieces: tuple[ast.expr, ...]
    """What is put in."""

    @classmethod
    def behind(cls, project: Project, scope: Scope, expr: ast.expr, deep: int = 0) -> Iterator[Formatted]:
        """The expressions that put together the text of `expr`, through names, `text(...)` and returns."""
        if deep > DEEP:
            return
        made = cls._made(project, scope, expr)
        if made is not None:
            if made.pieces:
                yield made
            return
        match expr:
            case ast.Name() | ast.Attribute():
                found = project.names.resolve(scope, expr)
                if isinstance(found, Variable):
                    for assignment in found.assignments:
                        if assignment.how == "add" and assignment.value is not None:
                            yield from cls._added(project, found, assignment.value, deep)
                        elif assignment.value is not None:
                            yield from cls.behind(project, found.scope, assignment.value, deep + 1)
            case ast.IfExp(body=body, orelse=orelse):
                yield from cls.behind(project, scope, body, deep + 1)
                yield from cls.behind(project, scope, orelse, deep + 1)
            case ast.Call(func=func, args=args):
                target = project.names.called(scope, expr)
                if target is not None:
                    for value in project.function_of(target).returns:
                        yield from cls.behind(project, target, value, deep + 1)
                elif args and _word(func) in _WRAPPING:
                    yield from cls.behind(project, scope, args[0], deep + 1)
                elif isinstance(func, ast.Attribute) and func.attr in _WRAPPING:
                    yield from cls.behind(project, scope, func.value, deep + 1)
            case ast.Await(value=value) | ast.NamedExpr(value=value):
                yield from cls.behind(project, scope, value, deep + 1)
            case _:
                return

    @classmethod
    def _added(cls, project: Project, found: Variable, value: ast.expr, deep: int) -> Iterator[Formatted]:
        """`query += ...`: the whole is the first text, the pieces are those of what is added."""
        start = next((a.value for a in found.assignments if a.how == "plain" and a.value is not None), None)
        text = project.value(found.scope, start).text if start is not None else ""
        inner = cls._made(project, found.scope, value)
        if inner is not None and inner.pieces:
            yield cls(found.scope, value, f"{text} {inner.text}", inner.pieces)
        elif inner is None and not project.value(found.scope, value).known:
            parts = list(cls.behind(project, found.scope, value, deep + 1))
            if parts:
                yield from (cls(p.scope, p.node, f"{text} {p.text}", p.pieces) for p in parts)
            elif isinstance(value, (ast.Name, ast.Attribute, ast.Subscript)):
                yield cls(found.scope, value, f"{text} {{}}", (value,))

    @classmethod
    def _made(cls, project: Project, scope: Scope, expr: ast.expr) -> Formatted | None:
        parts: list[str] = []
        pieces: list[ast.expr] = []
        if not _gather(project, scope, expr, parts, pieces):
            return None
        return cls(scope, expr, "".join(parts), tuple(pieces))


_WRAPPING = frozenset(
    {"text", "dedent", "strip", "str", "TextClause", "SQL", "rstrip", "lstrip", "upper", "bindparams", "cleandoc"}
)


def _word(func: ast.expr) -> str:
    return func.attr if isinstance(func, ast.Attribute) else getattr(func, "id", "")


def _gather(project: Project, scope: Scope, expr: ast.expr, parts: list[str], pieces: list[ast.expr]) -> bool:
    """Put the constant parts and the pieces of `expr` in order; False when it puts nothing together."""
    match expr:
        case ast.Constant(value=str(text)):
            parts.append(text)
        case ast.JoinedStr(values=values):
            for value in values:
                if isinstance(value, ast.FormattedValue):
                    _piece(project, scope, value.value, parts, pieces)
                else:
                    _gather(project, scope, value, parts, pieces)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            for side in (left, right):
                if not _gather(project, scope, side, parts, pieces):
                    _piece(project, scope, side, parts, pieces)
        case ast.BinOp(left=left, op=ast.Mod(), right=right) if project.value(scope, left).text:
            parts.append(project.value(scope, left).text)
            for piece in (
                right.elts if isinstance(right, ast.Tuple) else right.values if isinstance(right, ast.Dict) else [right]
            ):
                _piece(project, scope, piece, None, pieces)
        case ast.Call(func=ast.Attribute(value=base, attr="format"), args=args, keywords=keywords) if project.value(
            scope, base
        ).text:
            parts.append(project.value(scope, base).text)
            for piece in (*args, *(k.value for k in keywords)):
                _piece(project, scope, piece, None, pieces)
        case ast.Call(
            func=ast.Attribute(value=ast.Constant(value=str(glue)), attr="join"), args=[ast.List(elts=elements)]
        ):
            for number, element in enumerate(elements):
                parts.append(glue if number else "")
                if not _gather(project, scope, element, parts, pieces):
                    _piece(project, scope, element, parts, pieces)
        case _:
            return False
    return True


def _piece(project: Project, scope: Scope, expr: ast.expr, parts: list[str] | None, pieces: list[ast.expr]) -> None:
    value = project.value(scope, expr)
    if value.literal and not isinstance(value.constant, (list, dict)):
        if parts is not None:
            parts.append(str(value.constant))
        return
    pieces.append(expr)
    if parts is not None:
        parts.append("{}")
