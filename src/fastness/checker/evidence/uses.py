"""Where an input goes: the functions it is handed to, what tests or cuts it on the way, and what it sizes.

`holders(handler, "limit")` gives the handler's `limit`, then the `limit` of the service that it calls.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from fastness.checker.evidence.classes import Class, Model
from fastness.checker.evidence.functions import Call, Function
from fastness.checker.evidence.scope import Scope
from fastness.checker.evidence.walking import walk
from fastness.checker.evidence.written import written

FAR = 3
"""Calls that are followed."""
_CUTS = frozenset({"min", "clamp", "clip", "cap"})


@dataclass(frozen=True, slots=True, eq=False)
class Held:
    """A function and the expression that holds the input there: `limit`, `params.limit`."""

    function: Function
    text: str

    def calls(self) -> Iterator[Call]:
        """The calls that take it as an argument as it is."""
        for call in self.function.calls():
            if any(self.is_in(value) for value in arguments(call)):
                yield call

    def is_in(self, expr: ast.expr) -> bool:
        """Whether `expr` is the input itself, perhaps with a default: `limit`, `limit or 20`, `int(limit)`."""
        match expr:
            case ast.Name() | ast.Attribute():
                return said(expr, self.text)
            case ast.BoolOp(values=values):
                return any(self.is_in(v) for v in values)
            case ast.IfExp(body=body, orelse=orelse):
                return self.is_in(body) or self.is_in(orelse)
            case ast.Call(func=ast.Name(id="int" | "str" | "float"), args=[one]):
                return self.is_in(one)
            case ast.Starred(value=value):
                return self.is_in(value)
            case _:
                return False

    def touched_by(self, node: ast.AST) -> bool:
        """Whether the input stands somewhere inside `node`."""
        return any(said(part, self.text) for part in walk(node) if isinstance(part, (ast.Name, ast.Attribute)))


def holders(function: Function, text: str, far: int = FAR) -> Iterator[Held]:
    """`function` with the input under `text`, and the functions of the project that get it from there."""
    todo = [(Held(function, text), far)]
    seen: set[tuple[int, str]] = set()
    while todo:
        held, left = todo.pop(0)
        key = (id(held.function.scope), held.text)
        if key in seen:
            continue
        seen.add(key)
        yield held
        todo.extend((Held(held.function, name), left) for name in _renamed(held))
        if left > 0:
            todo.extend((inner, left - 1) for inner in _handed(held))


def _renamed(held: Held) -> Iterator[str]:
    """`size = limit`, `size = limit or 20`."""
    for scope in held.function.scope.within():
        for name, assignments in scope.assigned.items():
            if any(a.how == "plain" and a.value is not None and held.is_in(a.value) for a in assignments):
                yield name


def _handed(held: Held) -> Iterator[Held]:
    """The project's functions that get the input, or the object that holds it, as an argument."""
    whole, _, field = held.text.rpartition(".")
    for call in held.function.calls():
        target = call.target
        if target is None:
            cls = _made(call)
            for name, value in call.keywords.items() if cls is not None else ():
                if cls is not None and held.is_in(value):
                    yield from (Held(method, f"self.{name}") for one in cls.lineage() for method in one.methods)
            continue
        names = [a.arg for a in target.parameters]
        pairs = [*zip(names, call.positional, strict=False), *call.keywords.items()]
        for name, value in pairs:
            if name not in names:
                continue
            if held.is_in(value):
                yield Held(target, name)
            elif whole and isinstance(value, (ast.Name, ast.Attribute)) and said(value, whole):
                yield Held(target, f"{name}.{field}")


def _made(call: Call) -> Class | None:
    """The project's class without a constructor of its own that a call makes: a model, a dataclass."""
    found = call.project.names.resolve(call.scope, call.node.func)
    if not isinstance(found, Scope) or found.kind != "class" or call.target is not None:
        return None
    return call.project.class_of(found)


def said(expr: ast.Name | ast.Attribute, text: str) -> bool:
    """Whether a name or attribute reads like `text`."""
    if isinstance(expr, ast.Name):
        return expr.id == text
    return text.endswith(f".{expr.attr}") and written(expr) == text


def arguments(call: Call) -> Iterator[ast.expr]:
    """The arguments of a call, positional ones first."""
    yield from call.positional
    yield from call.keywords.values()


def _limited(call: Call, name: str) -> bool:
    """Whether a call makes a model that bounds this field."""
    cls = _made(call)
    field = cls.field(name) if isinstance(cls, Model) else None
    return (
        isinstance(cls, Model)
        and field is not None
        and (field.has_bound("le", "lt") or any(True for _ in cls.validators(name)))
    )


def cut(held: Held) -> bool:
    """Whether a number is kept from growing there: `min(limit, 100)`, `if limit > 100`, `limit in (10, 20)`."""
    for call in held.function.calls():
        if call.name.rpartition(".")[2] in _CUTS and any(held.touched_by(a) for a in arguments(call)):
            return True
        if any(held.is_in(value) and _limited(call, name) for name, value in call.keywords.items()):
            return True
    for compare in held.function.nodes(ast.Compare):
        sides = [compare.left, *compare.comparators]
        touching = [held.touched_by(side) for side in sides]
        if not any(touching):
            continue
        for at, op in enumerate(compare.ops):
            if not (touching[at] or touching[at + 1]):
                continue
            if isinstance(op, (ast.In, ast.NotIn)):
                return True
            other = sides[at + 1] if touching[at] else sides[at]
            number = held.function.project.value(held.function.scope, other).number
            if isinstance(op, (ast.Lt, ast.LtE, ast.Gt, ast.GtE)) and (number is None or number > 1):
                return True
    return False
