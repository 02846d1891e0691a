"""Whether a value was tested before it is used: against a list, a pattern, or a look-up that refuses what it does not know."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from fastness.checker.evidence.scope import Scope
from fastness.checker.evidence.walking import walk

if TYPE_CHECKING:
    from fastness.checker.evidence.project import Project

How = Literal["membership", "pattern", "lookup"]
_PATTERNS = frozenset(
    {"match", "fullmatch", "isalnum", "isidentifier", "isdigit", "isalpha", "isnumeric", "isdecimal", "is_relative_to"}
)
_LEAVING = (ast.Raise, ast.Return, ast.Continue, ast.Break)


def checked(project: Project, scope: Scope, expr: ast.expr) -> How | None:
    """How the function tests `expr` and leaves when the test fails, or uses it only where the test holds; None when it does not.

    `if name not in ALLOWED: raise`, `if not PATTERN.fullmatch(name): raise`, `row = find(name)` with `if not row: raise`,
    and `if name in ALLOWED:` around the use.
    """
    names = {n.id for n in walk(expr) if isinstance(n, ast.Name)}
    line = getattr(expr, "lineno", 0)
    for test, inside in _tests(project, scope, line):
        touched = {n.id for n in walk(test) if isinstance(n, ast.Name)}
        if touched & names:
            how = _asks(test, names, inside=inside)
            if how is not None:
                return how
        if not inside and _looked_up(scope, touched, names):
            return "lookup"
    return None


def _tests(project: Project, scope: Scope, line: int) -> Iterator[tuple[ast.expr, bool]]:
    """The tests before a line whose branch leaves, and with True those whose branch holds the line."""
    for node in project.nodes_of(scope, ast.If):
        if node.lineno >= line:
            continue
        if node.body and isinstance(node.body[-1], _LEAVING) and (node.body[-1].end_lineno or 0) < line:
            yield node.test, False
        elif node.body[0].lineno <= line <= (node.body[-1].end_lineno or 0):
            yield node.test, True
    for assertion in project.nodes_of(scope, ast.Assert):
        if assertion.lineno < line:
            yield assertion.test, True


def _asks(test: ast.expr, names: set[str], *, inside: bool) -> How | None:
    for node in walk(test):
        if isinstance(node, ast.Compare) and isinstance(node.ops[0], (ast.In, ast.NotIn)):
            # `"x" in name` asks for a part of it, which is no allow list.
            if _mentions(node.left, names) and isinstance(node.ops[0], ast.In) == inside:
                return "membership"
        elif isinstance(node, ast.Call):
            word = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if word in _PATTERNS and (any(_mentions(a, names) for a in node.args) or _mentions(node.func, names)):
                return "pattern"
    return None


def _mentions(expr: ast.AST, names: set[str]) -> bool:
    return any(isinstance(n, ast.Name) and n.id in names for n in walk(expr))


def _looked_up(scope: Scope, touched: set[str], names: set[str]) -> bool:
    for name in touched:
        for assignment in scope.assigned.get(name, ()):
            value = assignment.value
            call = value.value if isinstance(value, ast.Await) else value
            if isinstance(call, ast.Call) and any(
                _mentions(a, names) for a in (*call.args, *(k.value for k in call.keywords))
            ):
                return True
    return False
