"""Every node below a node."""

from __future__ import annotations

import ast
from collections.abc import Iterator


class _Holding(dict[type[ast.AST], tuple[str, ...]]):
    def __missing__(self, kind: type[ast.AST]) -> tuple[str, ...]:
        self[kind] = tuple(name for name in kind._fields if name != "ctx")
        return self[kind]


HOLDING = _Holding({ast.Name: (), ast.Constant: (), ast.Attribute: ("value",)})
"""The fields of each kind of node that may hold nodes, `Load` and `Store` marks left out."""


def walk(node: ast.AST) -> Iterator[ast.AST]:
    """What `ast.walk` gives, in its order, without the `Load` and `Store` marks: twice as quick, and asked everywhere."""
    todo = [node]
    for each in todo:
        for name in HOLDING[each.__class__]:
            held = getattr(each, name, None)
            if isinstance(held, ast.AST):
                todo.append(held)
            elif isinstance(held, list):
                todo.extend(part for part in held if isinstance(part, ast.AST))
        yield each
