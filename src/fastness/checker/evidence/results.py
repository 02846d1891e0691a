"""What a function does with the answer of a call: the names it gets, the keys read from it, whether it is only logged."""

from __future__ import annotations

import ast
import re

from fastness.checker.evidence.functions import Call, Function
from fastness.checker.evidence.walking import walk
from fastness.checker.evidence.written import written

_LOGGING = re.compile(
    r"(^|\.)_?(log|logger|logging|audit|structlog|span|sentry_sdk|scope)\w*(\(\))?\.\w+$|(^|\.)print$", re.IGNORECASE
)


def names_of(function: Function, node: ast.AST) -> frozenset[str]:
    """Local names that are bound to the value of `node`, or to something made of it in the same statement."""
    found: set[str] = set()
    for scope in function.scope.within():
        for name, assignments in scope.assigned.items():
            if any(a.value is not None and any(part is node for part in walk(a.value)) for a in assignments):
                found.add(name)
    return frozenset(found)


def keys_read(function: Function, call: Call) -> frozenset[str] | None:
    """The constant keys read from a call's answer; None when it is also used as a whole."""
    names, keys = names_of(function, call.node), set[str]()
    counted: set[int] = set()
    for node in walk(function.node):
        key = _key(node)
        if key is not None and _is(key[0], names, call.node):
            keys.add(key[1])
            counted.add(id(key[0]))
    for node in walk(function.node):
        if (
            _is(node, names, call.node)
            and id(node) not in counted
            and isinstance(getattr(node, "ctx", ast.Load()), ast.Load)
        ):
            if node is call.node and names:
                continue
            return None
    return frozenset(keys)


def only_logged(function: Function, call: Call) -> bool:
    """Whether the answer goes into log lines and nowhere else."""
    names = names_of(function, call.node)
    logged = {
        id(part)
        for other in function.calls()
        if _LOGGING.search(other.name) or (other.receiver is not None and _LOGGING.search(written(other.node.func)))
        for part in walk(other.node)
    }
    loads = [
        n for n in walk(function.node) if isinstance(n, ast.Name) and n.id in names and isinstance(n.ctx, ast.Load)
    ]
    if not names:
        return id(call.node) in logged
    return bool(loads) and all(id(node) in logged for node in loads)


def _key(node: ast.AST) -> tuple[ast.expr, str] | None:
    match node:
        case ast.Subscript(value=value, slice=ast.Constant(value=str(key))):
            return value, key
        case ast.Call(func=ast.Attribute(value=value, attr="get"), args=[ast.Constant(value=str(key)), *_]):
            return value, key
    return None


def _is(node: ast.AST, names: frozenset[str], call: ast.AST) -> bool:
    return node is call or (isinstance(node, ast.Name) and node.id in names)
