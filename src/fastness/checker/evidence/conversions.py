"""Calls that give back what they were given in another shape: `str(x)`, `"a,b".split(",")`, `SecretStr("x")`."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from fastness.checker.evidence.found import matches
from fastness.checker.evidence.value import UNKNOWN, Value

_SAME = (
    "str", "SecretStr", "SecretBytes", "Secret", "AnyHttpUrl", "AnyUrl", "HttpUrl", "PostgresDsn", "RedisDsn",
    "starlette.datastructures.Secret", "CommaSeparatedStrings", "cast", "Path", "URL", "make_url",
)  # fmt: skip
_METHODS: dict[str, Callable[..., Any]] = {
    "strip": str.strip,
    "lstrip": str.lstrip,
    "rstrip": str.rstrip,
    "lower": str.lower,
    "upper": str.upper,
    "title": str.title,
    "replace": str.replace,
    "removeprefix": str.removeprefix,
    "removesuffix": str.removesuffix,
}
_THROUGH = frozenset({"get_secret_value", "encode", "decode", "unicode_string", "copy"})


def converted(name: str, call: ast.Call, inner: Callable[[ast.expr | None], Value]) -> Value | None:
    """The value of a converting call, or None when the call is of another sort."""
    first = call.args[0] if call.args else None
    if first is not None and matches(name, _SAME):
        return inner(call.args[-1] if name.rpartition(".")[2] == "cast" else first)
    if name in {"int", "float", "bool", "list", "tuple", "set", "frozenset", "sorted"} and first is not None:
        return _built(name, inner(first))
    if isinstance(call.func, ast.Attribute):
        return _method(call.func, call, inner)
    return None


def _built(name: str, value: Value) -> Value:
    if name in {"list", "tuple", "set", "frozenset", "sorted"}:
        return value if value.shape == "list" else Value(UNKNOWN, "computed")
    if value.known and isinstance(value.constant, (str, int, float)):
        try:
            constant = {"int": int, "float": float, "bool": bool}[name](value.constant)
        except (ValueError, OverflowError):
            return Value(UNKNOWN, "computed")
        return replace(value, constant=constant)
    return replace(value, constant=UNKNOWN)


def _method(func: ast.Attribute, call: ast.Call, inner: Callable[[ast.expr | None], Value]) -> Value | None:
    if func.attr in _THROUGH:
        value = inner(func.value)
        return value if value.known or value.origin != "unknown" else None
    if func.attr == "split":
        return _split(inner(func.value), inner(call.args[0]) if call.args else Value(None))
    if func.attr == "join" and len(call.args) == 1:
        items, glue = inner(call.args[0]), inner(func.value)
        if items.known and isinstance(glue.constant, str) and items.shape == "list":
            return Value(
                glue.constant.join(map(str, items.constant)) if isinstance(items.constant, list) else UNKNOWN, "literal"
            )
        return Value(UNKNOWN, "computed", shape="text", items=tuple(items.items) or (items,))
    if func.attr == "format":
        parts = (inner(func.value), *(inner(a) for a in call.args), *(inner(k.value) for k in call.keywords))
        return Value(UNKNOWN, "computed", shape="text", items=parts) if isinstance(parts[0].constant, str) else None
    method = _METHODS.get(func.attr)
    if method is not None:
        value, given = inner(func.value), [inner(a).constant for a in call.args]
        if isinstance(value.constant, str) and all(isinstance(g, str) for g in given):
            try:
                return replace(value, constant=method(value.constant, *given))
            except TypeError:
                return None
    return None


def _split(value: Value, separator: Value) -> Value:
    if isinstance(value.constant, str) and (separator.constant is None or isinstance(separator.constant, str)):
        parts = value.constant.split(separator.constant or None)
        items = tuple(replace(value, constant=part) for part in parts)
        return replace(value, constant=parts, shape="list", items=items)
    return replace(value, constant=UNKNOWN)
