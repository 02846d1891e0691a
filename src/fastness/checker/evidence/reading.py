"""How programs read their environment: `os`, and the libraries that people use instead."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from fastness.checker.evidence.found import matches
from fastness.checker.evidence.names import Names
from fastness.checker.evidence.scope import Scope
from fastness.checker.evidence.written import written

_GETTERS = (
    "os.getenv",
    "os.environ.get",
    "environ.get",
    "decouple.config",
    "starlette.config.Config",
    "environ.setdefault",
)
_READERS = (
    "environs.Env",
    "environ.Env",
    "starlette.config.Config",
    "decouple.Config",
    "decouple.AutoConfig",
    "dotenv.dotenv_values",
)
_WORDS = frozenset({"str", "int", "bool", "float", "list", "json", "url", "get", "dict", "db", "cache", "log_level"})


@dataclass(frozen=True, slots=True)
class Read:
    """One reading of an environment variable."""

    variable: str
    default: ast.expr | None
    optional: bool
    """Without a default it is None, not an error."""


def environment(names: Names, scope: Scope, expr: ast.expr) -> Read | None:
    """The variable that `expr` reads, or None when it reads none."""
    match expr:
        case ast.Subscript(value=value, slice=ast.Constant(value=str(variable))):
            if matches(names.dotted(scope, value), ("os.environ", "environ")):
                return Read(variable, None, optional=False)
        case ast.Call(func=func, args=[first, *rest], keywords=keywords):
            if not _reads(names, scope, func):
                return None
            variable = (
                first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else written(first)
            )
            given = {k.arg: k.value for k in keywords}
            # `config("NAME", cast=Secret)` has the cast second in Starlette only by keyword.
            default = given.get("default", rest[0] if rest else None)
            name = names.dotted(scope, func)
            return Read(variable, default, optional=matches(name, ("os.getenv", "environ.get")))
    return None


def _reads(names: Names, scope: Scope, func: ast.expr) -> bool:
    name = names.dotted(scope, func)
    if matches(name, _GETTERS):
        return True
    if isinstance(func, ast.Attribute) and func.attr in _WORDS:
        return matches(names.dotted(scope, func.value).removesuffix("()"), _READERS) or names.is_a(
            names.kind(scope, func.value), *_READERS
        )
    return isinstance(func, ast.Name) and names.is_a(names.kind(scope, func), *_READERS)
