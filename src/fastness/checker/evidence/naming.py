"""Whether an expression is one of the names that a client gave, and what is done to the object behind it."""

from __future__ import annotations

import ast

from fastness.checker.evidence.functions import Function
from fastness.checker.evidence.walking import walk
from fastness.checker.evidence.written import written


def named(expr: ast.AST, given: frozenset[str]) -> bool:
    """Whether an expression is one of the names, or a plain conversion of one."""
    match expr:
        case ast.Name(id=name):
            return name in given
        case ast.Attribute(value=ast.Name(id=name), attr=word):
            return f"{name}.{word}" in given
        case ast.Call(args=[inner], keywords=[]):
            return named(inner, given) and isinstance(expr.func, (ast.Name, ast.Attribute))
        case ast.JoinedStr(values=parts):
            return any(isinstance(p, ast.FormattedValue) and named(p.value, given) for p in parts)
        case ast.Tuple(elts=parts) | ast.List(elts=parts):
            return any(named(p, given) for p in parts)
        case _:
            return False


def key_of(expr: ast.AST, given: frozenset[str]) -> str:
    """The first of the names in an expression."""
    for node in walk(expr):
        if isinstance(node, (ast.Name, ast.Attribute)) and named(node, given):
            return written(node)
    return ""


def changed(function: Function, given: frozenset[str]) -> bool:
    """Whether the object that one of the names led to is changed or removed here."""
    found = {
        name
        for name, assignments in function.scope.assigned.items()
        if any(
            a.value is not None
            and any(named(n, given) for n in walk(a.value) if isinstance(n, ast.Attribute))
            and any(isinstance(n, ast.Call) for n in walk(a.value))
            for a in assignments
        )
    }
    for node in function.nodes(ast.Assign):
        if any(isinstance(t, ast.Attribute) and named(t.value, frozenset(found)) for t in node.targets):
            return True
    return any(
        call.name.rpartition(".")[2] in {"setattr", "delete"}
        and bool(call.positional)
        and named(call.positional[0], frozenset(found))
        for call in function.calls()
    )
