"""Every node below a node."""

from __future__ import annotations

import ast
from collections.abc import Iterator

_HOLDING: dict[type[ast.AST], tuple[str, ...]] = {ast.Name: (), ast.Constant: (), ast.Attribute: ("value",)}
"""The fields of each kind of node that may hold nodes; the kinds that are met are added."""


def walk(node: ast.AST) -> Iterator[ast.AST]:
    """What `ast.walk` gives, in its order, without the `Load` and `Store` marks: twice as quick, and asked everywhere."""
    todo = [node]
    for each in todo:
        kind = each.__class__
        names = _HOLDING.get(kind)
        if names is None:
            names = _HOLDING[kind] = tuple(name for name in kind._fields if name != "ctx")
        for name in names:
            held = getattr(each, name, None)
            if isinstance(held, ast.AST):
                todo.append(held)
            elif isinstance(held, list):
                todo.extend(part for part in held if isinstance(part, ast.AST))
        yield each
