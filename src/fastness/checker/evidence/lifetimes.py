"""How long a token lives: the durations that its `exp` is made of, followed through names, settings and callers."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta

from fastness.checker.evidence.found import Parameter, Variable, default_of
from fastness.checker.evidence.project import Project
from fastness.checker.evidence.scope import Scope
from fastness.checker.evidence.value import Value
from fastness.checker.evidence.walking import walk
from fastness.checker.evidence.written import written
from fastness.checker.finding import Place

DEEP = 10
_CLOCKS = frozenset({"time", "now", "utcnow", "timestamp", "utctimetuple", "timegm", "mktime", "timetuple"})


@dataclass(frozen=True, slots=True)
class Lifetime:
    """One duration that may be added to now."""

    length: timedelta
    value: Value
    place: Place
    """Where the figure is written: the setting, the constant or the call that passes it."""
    words: str
    """Names and lines on the way, in lower case: what the token seems to be for."""


def lifetimes(project: Project, scope: Scope, expr: ast.expr, words: str = "", *, deep: int = 0) -> Iterator[Lifetime]:
    """The durations in an expression such as `now() + timedelta(minutes=settings.MINUTES)`."""
    if deep > DEEP:
        return
    value = project.value(scope, expr)
    for choice in value.choices():
        if isinstance(choice.constant, timedelta):
            yield _one(project, scope, expr, choice, words)
    if any(isinstance(c.constant, timedelta) for c in value.choices()):
        return
    match expr:
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            for side, other in ((left, right), (right, left)):
                number = project.value(scope, side)
                if number.number is not None and _clock(other):
                    length = _seconds(number.number)
                    yield _one(project, scope, side, replace(number, constant=length), words)
                else:
                    yield from lifetimes(project, scope, side, words, deep=deep + 1)
        case ast.Name(id=name):
            yield from _named(project, scope, name, words, deep)
        case ast.IfExp(body=body, orelse=orelse):
            yield from lifetimes(project, scope, body, words, deep=deep + 1)
            yield from lifetimes(project, scope, orelse, words, deep=deep + 1)
        case ast.BoolOp(values=values):
            for part in values:
                yield from lifetimes(project, scope, part, words, deep=deep + 1)
        case ast.Call(func=func, args=args):
            target = project.names.called(scope, expr)
            if target is not None and target.short != "__init__":
                for returned in project.function_of(target).returns:
                    yield from lifetimes(project, target, returned, f"{words} {target.short}", deep=deep + 1)
                return
            for part in (*args, *([func.value] if isinstance(func, ast.Attribute) else ())):
                yield from lifetimes(project, scope, part, words, deep=deep + 1)
        case _:
            return


def _named(project: Project, scope: Scope, name: str, words: str, deep: int) -> Iterator[Lifetime]:
    found = project.names.lookup(scope, name)
    if isinstance(found, Variable):
        for assignment in found.assignments:
            if assignment.value is not None and assignment.how in {"plain", "add"}:
                tested = f"{words} {_tests(found.scope, assignment.value)}"
                yield from lifetimes(project, found.scope, assignment.value, tested, deep=deep + 1)
        parameter = found.scope.parameter(name)
        found = Parameter(found.scope, parameter) if parameter is not None else None
    if not isinstance(found, Parameter) or found.scope.kind != "function":
        return
    function = project.function_of(found.scope)
    default = default_of(found.scope, found.arg)
    if default is not None:
        yield from lifetimes(project, found.scope.parent or found.scope, default, words, deep=deep + 1)
    names = [a.arg for a in function.parameters]
    for call in function.callers():
        given = call.arg(name, names.index(name)) if name in names else None
        if given is not None:
            line = call.module.line(call.place.line).lower()
            asked = call.function.short if call.function is not None else ""
            yield from lifetimes(project, call.scope, given, f"{words} {line} {asked}", deep=deep + 1)


def _one(project: Project, scope: Scope, expr: ast.expr, value: Value, words: str) -> Lifetime:
    here = project.place(scope, expr)
    place = value.place if value.place is not None and value.configured else here
    module = project.names.module(scope)
    length = value.constant if isinstance(value.constant, timedelta) else timedelta(0)
    line = module.line(here.line)
    return Lifetime(length, value, place, f"{words} {value.variable} {scope.short} {line} {_names(expr)}".lower())


def _tests(scope: Scope, node: ast.expr) -> str:
    """The tests of the branches that a value stands in: `kind == "refresh"`."""
    return " ".join(
        written(one.test)
        for one in scope.nodes.get(ast.If, ())
        if isinstance(one, ast.If) and any(part is node for statement in one.body for part in walk(statement))
    )


def _names(expr: ast.expr) -> str:
    return " ".join(
        n.id if isinstance(n, ast.Name) else n.attr for n in walk(expr) if isinstance(n, (ast.Name, ast.Attribute))
    )


def _clock(expr: ast.expr) -> bool:
    """Whether an expression reads the clock as seconds."""
    return any(
        isinstance(n, ast.Call)
        and (n.func.attr if isinstance(n.func, ast.Attribute) else getattr(n.func, "id", "")) in _CLOCKS
        for n in walk(expr)
    ) or (
        isinstance(expr, ast.Name) and expr.id.lower() in {"now", "iat", "issued_at", "current_time", "time_now", "ts"}
    )


def _seconds(number: float) -> timedelta:
    try:
        return timedelta(seconds=number)
    except OverflowError:
        return timedelta.max
