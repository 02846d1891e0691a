"""Which collections a function reads whole or adds to: record classes, document collections, lists and dicts of a module."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from fastness.checker.evidence.functions import Call, Function
from fastness.checker.evidence.records import Record
from fastness.checker.evidence.returned import records_returned
from fastness.checker.evidence.scope import Scope
from fastness.checker.evidence.walking import walk
from fastness.checker.evidence.written import written

DEEP = 3
_FINDS = frozenset({"find", "find_all", "to_list", "values"})
_ADDS = frozenset({"insert_one", "insert_many", "insert", "append", "extend", "setdefault"})


def collections_of(function: Function, *, read: bool) -> frozenset[str]:
    """Names of what it answers with (`read`), or of what it and the functions that it calls add to."""
    return frozenset(_read(function) if read else _added(function))


def _read(function: Function) -> Iterator[str]:
    for one in function.reaches(2):
        for record in records_returned(one):
            yield record.of.name
        for call in one.calls():
            if call.name.rpartition(".")[2] in _FINDS and call.receiver is not None:
                yield from stores_named(call.scope, call.receiver)
    for value in function.returns:
        for node in walk(value):
            if isinstance(node, ast.Name):
                yield from stores_named(function.scope, node)


def _added(function: Function) -> Iterator[str]:
    for one in function.reaches(DEEP):
        for call in one.calls():
            record = _made(call)
            if record is not None:
                yield record.of.name
            if call.name.rpartition(".")[2] in _ADDS and call.receiver is not None:
                yield from stores_named(call.scope, call.receiver)
        for node in one.nodes(ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Subscript):
                    yield from stores_named(one.scope, target.value)
    for arg in function.parameters:
        # The body itself is a row: `def add(item: Item, db)` with a table of SQLModel.
        if arg.annotation is not None:
            kind = function.project.names.annotated(function.scope.parent or function.scope, arg.annotation)
            record = Record.behind(function.project, kind if isinstance(kind, Scope) else None)
            if record is not None and any(_stores(call, arg.arg) for call in function.calls("add")):
                yield record.of.name


def _stores(call: Call, name: str) -> bool:
    return any(isinstance(a, ast.Name) and a.id == name for a in call.positional)


def _made(call: Call) -> Record | None:
    """`Item(...)`, `Item.model_validate(...)`, `insert(Item)`; `cls(...)` in a method of it."""
    names = call.project.names
    found = names.resolve(call.scope, call.node.func)
    if isinstance(found, Scope):
        return Record.behind(call.project, found)
    if isinstance(call.node.func, ast.Name) and call.node.func.id == "cls":
        return Record.behind(call.project, call.scope.enclosing_class)
    last = call.name.rpartition(".")[2]
    about = call.receiver if last in {"model_validate", "from_orm"} else call.arg(0) if last == "insert" else None
    named = names.resolve(call.scope, about) if isinstance(about, (ast.Name, ast.Attribute)) else None
    return Record.behind(call.project, named) if isinstance(named, Scope) else None


def stores_named(scope: Scope, expr: ast.expr) -> Iterator[str]:
    """A list or dict of the module, or a collection under its own name: `db.members`, `db["members"]`."""
    while isinstance(expr, ast.Call) and isinstance(expr.func, ast.Attribute):
        expr = expr.func.value  # db.members.find().to_list()
    text = written(expr)
    if isinstance(expr, ast.Name):
        own = expr.id in scope.assigned or scope.parameter(expr.id) is not None
        if not own and any(
            isinstance(a.value, (ast.List, ast.Dict, ast.Subscript, ast.Call, ast.Attribute))
            for a in scope.module.assigned.get(expr.id, [])
        ):
            yield f"{scope.module.name}.{text}"
        elif not own and expr.id in scope.module.imports:
            yield scope.module.imports[expr.id]
    elif isinstance(expr, (ast.Attribute, ast.Subscript)):
        yield text
