"""Expressions as text."""

from __future__ import annotations

import ast

_PLAIN = frozenset({str, bytes, int, bool, type(None)})


def written(node: ast.AST) -> str:
    """What `ast.unparse` writes for `node`. Names, calls and constants, nearly all that is asked, go without its machinery."""
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=ast.Name() | ast.Attribute() | ast.Call() | ast.Subscript() as value, attr=attr):
            return f"{written(value)}.{attr}"
        case ast.Constant(value=value, kind=None) if value.__class__ in _PLAIN:
            return repr(value)
        case ast.Call(func=ast.Name() | ast.Attribute() as func, args=args, keywords=keywords):
            if not any(isinstance(a, ast.Starred) for a in args) and all(k.arg for k in keywords):
                given = [*map(written, args), *(f"{k.arg}={written(k.value)}" for k in keywords)]
                return f"{written(func)}({', '.join(given)})"
        case ast.Subscript(value=ast.Name() | ast.Attribute() as value, slice=ast.Constant() | ast.Name() as part):
            return f"{written(value)}[{written(part)}]"
    return ast.unparse(node)
