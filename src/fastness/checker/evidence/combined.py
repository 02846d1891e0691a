"""How values become one: texts put together, branches, `or`, elements, signs."""

from __future__ import annotations

import ast
import operator
from dataclasses import replace
from typing import Any

from fastness.checker.evidence.value import UNKNOWN, Value

LONGEST = 100_000
"""Characters or elements; what a constant expression would grow beyond this stays unknown."""
LARGEST = 64
"""The base and the exponent of a power that is computed."""
_UNKNOWN = Value()


def choice(values: list[Value]) -> Value:
    """One of several; a single value stays itself."""
    if len(values) == 1:
        return values[0]
    if not values:
        return _UNKNOWN
    return Value(UNKNOWN, "computed", shape="choice", items=tuple(values))


def joined(parts: list[Value]) -> Value:
    """A text of these parts; what is known of it where a part is not."""
    if all(p.known and isinstance(p.constant, (str, int, float)) for p in parts) and not any(large(p) for p in parts):
        configured = next((p for p in parts if p.configured), None)
        source = configured or next((p for p in parts if p.place), _UNKNOWN)
        return Value(
            "".join(str(p.constant) for p in parts),
            source.origin if parts else "literal",
            source.variable,
            source.place,
        )
    return Value(UNKNOWN, "computed", shape="text", items=tuple(parts))


def signed(op: ast.unaryop, value: Value) -> Value:
    """`not value`, `-value`."""
    if isinstance(op, ast.Not) and value.known:
        return replace(value, constant=not value.constant)
    if isinstance(op, ast.USub) and isinstance(value.constant, (int, float)):
        return replace(value, constant=-value.constant)
    return Value(UNKNOWN, "computed")


def compared(op: ast.cmpop, left: Value, right: Value) -> Value:
    """`a == b` and `a != b`; where one is a default of the environment, so is the answer."""
    sides = (left, right)
    if not all(side.known and (side.literal or side.configured) for side in sides):
        return Value(UNKNOWN, "computed")
    source = next((side for side in sides if side.configured), Value(None, "literal"))
    return replace(source, constant=(left.constant == right.constant) is isinstance(op, ast.Eq), shape="one", items=())


def either(op: ast.boolop, values: list[Value]) -> Value:
    """`a or b`, `a and b`: one of them where the first are not known."""
    if isinstance(op, ast.And):
        return values[-1] if all(v.known and v.constant for v in values[:-1]) else choice(values)
    for index, value in enumerate(values):
        if value.known and value.constant:
            # Behind something unknown it is one of two: `given or "x"` is not surely "x".
            return value if all(v.known for v in values[:index]) else choice(values[: index + 1])
        if value.origin == "environment" and index + 1 < len(values):
            default = either(op, values[index + 1 :])
            if default.origin in {"literal", "environment"}:
                return replace(default, origin="environment", variable=value.variable)
            return default
    return choice(values)


def element_of(value: Value, index: Value) -> Value:
    """`value[index]`."""
    if value.shape == "dict":
        return value.get(index.constant)
    number = index.constant
    if value.shape == "list" and isinstance(number, int) and -len(value.items) <= number < len(value.items):
        return value.items[number]
    return Value(UNKNOWN, "computed")


def large(value: Value) -> bool:
    """Whether it is too large to go on computing with."""
    if isinstance(value.constant, int):
        return abs(value.constant) > 10**18
    return isinstance(value.constant, (str, bytes, list, tuple, dict)) and len(value.constant) > LONGEST


def power(base: Any, exponent: Any) -> Any:
    """`10**6`, within what is worth computing.

    Raises:
        ArithmeticError: the answer would be large.
    """
    if not 0 <= exponent <= LARGEST or abs(base) > LARGEST:
        raise ArithmeticError
    return operator.pow(base, exponent)
