"""Models that a program keeps without a table: in a dict or list of a module, or as documents of a collection."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TYPE_CHECKING

from fastness.checker.evidence.classes import Model
from fastness.checker.evidence.collected import stores_named
from fastness.checker.evidence.functions import Function
from fastness.checker.evidence.records import Record
from fastness.checker.evidence.scope import Scope

if TYPE_CHECKING:
    from fastness.checker.evidence.project import Project

_DUMPS = frozenset({"model_dump", "dict", "jsonable_encoder"})
_WHOLE = frozenset({"values", "find", "find_one", "to_list", "get", "list", "sort", "sorted", "jsonable_encoder"})
DEEP = 4


def kept(project: Project) -> dict[str, Record]:
    """The model behind each store, by the store's name; `project.once(kept)`."""
    found: dict[str, Record] = {}
    for call in project.calls("append", "insert_one", "insert"):
        if call.receiver is not None and call.positional:
            _note(project, call.scope, call.receiver, call.positional[0], found)
    for scope, node in project.nodes(ast.Assign):
        for target in node.targets:
            if isinstance(target, ast.Subscript):
                _note(project, scope, target.value, node.value, found)
    return found


def _note(project: Project, scope: Scope, store: ast.expr, value: ast.expr, found: dict[str, Record]) -> None:
    model = _model(project, scope, value)
    if model is not None:
        for name in stores_named(scope, store):
            found.setdefault(name, Record(model))


def _model(project: Project, scope: Scope, value: ast.expr, deep: int = 0) -> Model | None:
    """The model that a stored value is, or is the dump of with nothing left out."""
    if isinstance(value, ast.Call):
        func = value.func
        word = func.attr if isinstance(func, ast.Attribute) else getattr(func, "id", "")
        if word in _DUMPS:
            if any(k.arg in {"exclude", "include"} for k in value.keywords):
                return None
            inner = func.value if isinstance(func, ast.Attribute) else value.args[0] if value.args else value
            return _model(project, scope, inner, deep + 1) if inner is not value and deep < DEEP else None
    if isinstance(value, ast.Name):
        made = [a.value for a in scope.assigned.get(value.id, []) if a.value is not None]
        if len(made) == 1 and deep < DEEP:
            found = _model(project, scope, made[0], deep + 1)
            if found is not None:
                return found
    kind = project.names.kind(scope, value)
    cls = project.class_of(kind) if isinstance(kind, Scope) and kind.kind == "class" else None
    return cls if isinstance(cls, Model) else None


def models_returned(function: Function) -> Iterator[Record]:
    """The models whose whole objects a function answers with out of such a store."""
    stores = function.project.once(kept)
    for value in function.returns if stores else ():
        for name in _whole(function, value, 0):
            if name in stores:
                yield stores[name]


def _whole(function: Function, expr: ast.expr | None, deep: int) -> Iterator[str]:
    if expr is None or deep > DEEP:
        return
    match expr:
        case ast.Await(value=value) | ast.Subscript(value=value):
            yield from _whole(function, value, deep + 1)
        case ast.Dict(values=values):
            for value in values:
                yield from _whole(function, value, deep + 1)
        case ast.Name(id=name) if name in function.scope.assigned:
            for assignment in function.assignments(name):
                if assignment.how in {"plain", "walrus"}:
                    yield from _whole(function, assignment.value, deep + 1)
        case ast.ListComp(elt=ast.Name(id=name), generators=[generator]):
            if isinstance(generator.target, ast.Name) and generator.target.id == name:
                yield from _whole(function, generator.iter, deep + 1)
        case ast.Call(func=ast.Attribute(value=value, attr=word), args=args) if word in _WHOLE:
            shaped = word in {"find", "find_one"} and len(args) > 1
            if not shaped and not any(k.arg == "projection" for k in expr.keywords):
                yield from _whole(function, value, deep + 1)
        case ast.Call(func=ast.Name(id=word), args=[first, *_]) if word in _WHOLE:
            yield from _whole(function, first, deep + 1)
        case ast.Name() | ast.Attribute():
            yield from stores_named(function.scope, expr)
        case _:
            return
