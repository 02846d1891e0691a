"""FastAPI's security schemes where they are used: they read a credential and verify nothing."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fastness.checker.evidence.found import Instance, Variable, default_of
from fastness.checker.evidence.functions import Function
from fastness.checker.evidence.model import Route
from fastness.checker.evidence.scope import Scope
from fastness.checker.evidence.takings import SCHEMES
from fastness.checker.evidence.walking import walk
from fastness.checker.evidence.written import written

if TYPE_CHECKING:
    from fastness.checker.evidence.project import Project

_VERIFIES = re.compile(
    r"(^|[._])(decode|verify|validate|authenticate|introspect|unsign|loads|compare_digest|check|get_user|get_by|lookup|find)\w*$",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, eq=False)
class SchemeUse:
    """One route that takes a credential straight from a scheme."""

    route: Route
    name: str
    """The scheme as written."""
    parameter: str
    """The handler's parameter that gets the credential; empty where a list of dependencies names the scheme."""
    lenient: bool
    """`auto_error=False`: callers without a credential pass."""
    own: str
    """The project's class made from a scheme; empty for FastAPI's own."""

    @property
    def alone(self) -> bool:
        """Whether no guard but the scheme itself stops strangers."""
        guards = [g for g in self.route.guards if g.duty == "access" and not g.optional]
        return all(bool(self.own) and self.own in guard.how for guard in guards)


def bare_uses(project: Project, route: Route) -> Iterator[SchemeUse]:
    """The schemes that a route's handler, its decorator or its router names, and that nothing of the project wraps."""
    handler = route.handler
    if handler is None:
        return
    outside = handler.scope.parent or handler.scope
    for arg in handler.parameters:
        typed = project.annotations.typed(outside, arg.annotation, default_of(handler.scope, arg))
        depends = project.annotations.by(typed, "Depends", "Security")
        if depends is not None and depends[1].args and (use := _scheme(project, *_first(depends))) is not None:
            yield SchemeUse(route, use[0], arg.arg, use[1], use[2])
    for scope, call in _registering(project, handler):
        for keyword in call.keywords:
            if keyword.arg != "dependencies":
                continue
            for node in walk(keyword.value):
                if (
                    isinstance(node, ast.Call)
                    and node.args
                    and (use := _scheme(project, scope, node.args[0])) is not None
                ):
                    yield SchemeUse(route, use[0], "", use[1], use[2])


def _first(found: tuple[Scope, ast.Call]) -> tuple[Scope, ast.expr]:
    return found[0], found[1].args[0]


def _registering(project: Project, handler: Function) -> Iterator[tuple[Scope, ast.Call]]:
    """The decorators of a handler and the constructors of the routers that they belong to."""
    outside = handler.scope.parent or handler.scope
    for _, expr in handler.decorators:
        if not isinstance(expr, ast.Call):
            continue
        yield outside, expr
        if isinstance(expr.func, ast.Attribute):
            router = project.names.resolve(outside, expr.func.value)
            if isinstance(router, Variable) and isinstance(router.last.value, ast.Call):
                yield router.scope, router.last.value


def _scheme(project: Project, scope: Scope, expr: ast.expr) -> tuple[str, bool, str] | None:
    """The text of a scheme, whether it is lenient, and the project's class; None where `expr` is none, or one that verifies by itself."""
    kind = project.names.kind(scope, expr)
    if kind is None or not project.names.is_a(kind, *SCHEMES):
        found = project.names.resolve(scope, expr)
        kind = found.of if isinstance(found, Instance) else None
        if kind is None or not project.names.is_a(kind, *SCHEMES):
            return None
    if isinstance(kind, Scope):
        call = project.class_of(kind).method("__call__")
        if call is not None and _tests(call):
            return None
    return written(expr)[:60], _lenient(project, scope, expr), kind.short if isinstance(kind, Scope) else ""


def _tests(function: Function) -> bool:
    """Whether a scheme of the project does more than hand the credential on."""
    for one in function.reaches(2):
        if any(_VERIFIES.search(call.name) for call in one.calls() if "super" not in call.name):
            return True
        for compare in one.nodes(ast.Compare):
            absent = isinstance(compare.ops[0], (ast.Is, ast.IsNot)) or "scheme" in written(compare).lower()
            if not absent:
                return True
    return False


def _lenient(project: Project, scope: Scope, expr: ast.expr) -> bool:
    found = project.names.resolve(scope, expr) if not isinstance(expr, ast.Call) else None
    made = found.last.value if isinstance(found, Variable) else expr
    return isinstance(made, ast.Call) and any(
        k.arg == "auto_error" and isinstance(k.value, ast.Constant) and k.value.value is False for k in made.keywords
    )


def touched(handler: Function, name: str) -> bool:
    """Whether a handler tests a parameter or hands it, or a part of it, to somebody."""
    for node in walk(handler.node):
        tests: list[ast.AST] = []
        if isinstance(node, (ast.If, ast.IfExp, ast.Assert, ast.While)):
            tests = [node.test]
        elif isinstance(node, (ast.BoolOp, ast.Compare)):
            tests = [node]
        elif isinstance(node, ast.Call):
            tests = [*node.args, *(k.value for k in node.keywords)]
        elif isinstance(node, ast.Match):
            tests = [node.subject]
        if any(isinstance(part, ast.Name) and part.id == name for test in tests for part in walk(test)):
            return True
    return False
