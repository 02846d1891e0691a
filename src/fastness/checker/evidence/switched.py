"""Routes that answer only where the operator has turned something on: a setting whose default is off is asked first."""

from __future__ import annotations

import ast

from fastness.checker.evidence.functions import Function
from fastness.checker.evidence.model import Route


def switched_off(route: Route) -> bool:
    """Whether the handler's first steps, or a dependency, refuse unless a setting that is off by default is on."""
    functions = [*route.dependencies, *([route.handler] if route.handler is not None else [])]
    return any(_refuses_first(one) for one in functions)


def _refuses_first(function: Function) -> bool:
    """`if not settings.allow_debug: raise HTTPException(403)` before anything else is done."""
    for statement in function.body:
        if isinstance(statement, (ast.Assign, ast.AnnAssign, ast.Import, ast.ImportFrom)):
            continue
        if not isinstance(statement, ast.If) or not any(isinstance(s, ast.Raise) for s in statement.body):
            return False
        test = statement.test
        return isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not) and _off(function, test.operand)
    return False


def _off(function: Function, expr: ast.expr) -> bool:
    value = function.project.value(function.scope, expr)
    return value.configured and value.constant is False
