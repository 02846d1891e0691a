"""What a name may turn out to be."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass

from fastness.checker.evidence.scope import Assignment, Scope


@dataclass(frozen=True, slots=True)
class External:
    """Something outside the checked folder, by its dotted name; a call's result has `()`: `sqlite3.connect().cursor`."""

    name: str


@dataclass(frozen=True, slots=True)
class Variable:
    """A bound name: module constant, local variable, class attribute."""

    scope: Scope
    name: str
    assignments: tuple[Assignment, ...]

    @property
    def last(self) -> Assignment:
        return self.assignments[-1]


@dataclass(frozen=True, slots=True)
class Parameter:
    """A function's parameter."""

    scope: Scope
    arg: ast.arg


@dataclass(frozen=True, slots=True)
class Instance:
    """A value whose class is known."""

    of: Scope | External


Found = Scope | External | Variable | Parameter | Instance


def default_of(scope: Scope, arg: ast.arg) -> ast.expr | None:
    """The default of a function's parameter."""
    args = scope.arguments
    if args is None:
        return None
    positional = [*args.posonlyargs, *args.args]
    if arg in positional:
        at = positional.index(arg) - (len(positional) - len(args.defaults))
        return args.defaults[at] if at >= 0 else None
    if arg in args.kwonlyargs:
        return args.kw_defaults[args.kwonlyargs.index(arg)]
    return None


def matches(name: str, wanted: Iterable[str]) -> bool:
    """Whether a dotted name is one of `wanted`, or ends with `.` and one of them."""
    wanted = tuple(wanted)
    # Nearly all names are none of them, and one test says so.
    return name.endswith(wanted) and any(name == one or name.endswith(f".{one}") for one in wanted)
