"""Whether a value was tested before it is used, by a function that says so, or by a function that handed it over."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from fastness.checker.evidence.checks import checked
from fastness.checker.evidence.functions import Function
from fastness.checker.evidence.scope import Scope
from fastness.checker.evidence.uses import Held, arguments
from fastness.checker.evidence.written import written

if TYPE_CHECKING:
    from fastness.checker.evidence.project import Project

FAR = 2
"""Callers that are asked."""
_SAYS = re.compile(
    r"(^|_)(validate|valid|verify|ensure|assert|sanitize|sanitise|is_safe|safe(?!_(load|dump|substitute|eval))|is_allowed|allowed|allow"
    r"|permitted|check(?!_(output|call))|secure|whitelist|allowlist|normalize_identifier|quote_ident|resolve_(safe|within))(_|$)"
    r"|^is_(valid|public|local|internal|private)",
    re.IGNORECASE,
)


def verified(project: Project, scope: Scope, expr: ast.expr, far: int = FAR) -> bool:
    """Whether what `expr` holds is tested in its function, or in the functions that hand it over."""
    if checked(project, scope, expr) is not None:
        return True
    function = _function(project, scope)
    if function is None:
        return False
    for text in _texts(expr):
        held = Held(function, text)
        if _by_call(held) or _by_value(held):
            return True
        if far > 0 and function.scope.parameter(text) is not None and not project.flow.entry(function.scope):
            names = [a.arg for a in function.parameters]
            for call in project.flow.callers(function.scope):
                given = call.arg(text, names.index(text)) if text in names else None
                if given is not None and verified(project, call.scope, given, far - 1):
                    return True
    return False


def _function(project: Project, scope: Scope) -> Function | None:
    current: Scope | None = scope
    while current is not None and current.kind != "function":
        current = current.parent
    return project.function_of(current) if current is not None else None


def _texts(expr: ast.expr) -> set[str]:
    """The names and dotted names in an expression: `order.column` gives itself, not `order`."""
    found: set[str] = set()
    todo: list[ast.AST] = [expr]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Name):
            found.add(node.id)
        elif isinstance(node, ast.Attribute) and not isinstance(node.value, ast.Call):
            found.add(written(node))
            todo.extend([node.value] if not isinstance(node.value, (ast.Name, ast.Attribute)) else [])
        elif isinstance(node, ast.Call):
            todo.extend([*node.args, *(k.value for k in node.keywords)])
            if isinstance(node.func, ast.Attribute):
                todo.append(node.func.value)
        else:
            todo.extend(ast.iter_child_nodes(node))
    return found


def _by_call(held: Held) -> bool:
    """`validate_url(url)`: whether a function named after a test gets the value."""
    for call in held.function.calls():
        word = call.name.rpartition(".")[2] or getattr(call.node.func, "attr", "")
        if _SAYS.search(word) and any(held.touched_by(a) for a in arguments(call)):
            return True
    return False


def _by_value(held: Held) -> bool:
    """`if kind != "a": raise`."""
    return any(
        isinstance(node.test, ast.Compare)
        and isinstance(node.test.ops[0], ast.NotEq)
        and held.is_in(node.test.left)
        and any(isinstance(s, (ast.Raise, ast.Return)) for s in node.body)
        for node in held.function.nodes(ast.If)
    )
