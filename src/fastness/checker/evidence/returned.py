"""Which stored records a function gives back, and through which model they leave."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from fastness.checker.evidence.classes import Field, Model
from fastness.checker.evidence.found import Variable
from fastness.checker.evidence.functions import Function
from fastness.checker.evidence.model import Route
from fastness.checker.evidence.records import Record
from fastness.checker.evidence.scope import Scope
from fastness.checker.evidence.walking import walk

if TYPE_CHECKING:
    from fastness.checker.evidence.project import Project

Hidden = Mapping[str, "Hidden | None"]
DEEP = 4
_ASKS = frozenset(
    {
        "execute",
        "query",
        "select",
        "get",
        "get_one",
        "exec",
        "scalar",
        "scalars",
        "find",
        "find_one",
        "find_all",
        "merge",
    }
)
_ENDS = frozenset({
    "first", "one", "one_or_none", "all", "scalar_one", "scalar_one_or_none", "scalars", "scalar", "unique", "fetchall", "fetchone",
    "to_list", "limit", "offset", "order_by", "filter", "filter_by", "where", "execute", "exec", "options", "join", "get", "list",
    "jsonable_encoder", "dict", "vars", "sort", "skip", "fetch", "tuples", "partitions", "mappings", "with_for_update", "get_or_none",
})  # fmt: skip


def records_returned(function: Function) -> list[Record]:
    """The record classes whose whole objects a function returns, as far as its source shows."""
    found: list[Record] = []
    for value in function.returns:
        for record in _records(function, value, 0):
            if all(record.of.scope is not other.of.scope for other in found):
                found.append(record)
    return found


def _records(function: Function, expr: ast.expr | None, deep: int) -> Iterator[Record]:
    if expr is None or deep > DEEP:
        return
    match expr:
        case ast.Await(value=value) | ast.Starred(value=value):
            yield from _records(function, value, deep)
        case ast.Name(id=name):
            if name not in function.scope.assigned:
                yield from _annotated(function, name)
            for assignment in function.assignments(name):
                if assignment.how in {"plain", "walrus"}:
                    yield from _records(function, assignment.value, deep + 1)
        case ast.Dict(values=values):
            for value in values:
                yield from _records(function, value, deep + 1)
        case ast.IfExp(body=body, orelse=orelse):
            yield from _records(function, body, deep + 1)
            yield from _records(function, orelse, deep + 1)
        case ast.BoolOp(values=values):
            yield from _records(function, values[-1], deep + 1)
        case ast.Attribute(attr="__dict__", value=value):
            yield from _records(function, value, deep + 1)
        case ast.ListComp(elt=ast.Name(id=name), generators=[generator]):
            if isinstance(generator.target, ast.Name) and generator.target.id == name:
                yield from _records(function, generator.iter, deep + 1)
        case ast.Call():
            yield from _called(function, expr, deep)
        case _:
            return


def _promised(function: Function) -> Iterator[Record]:
    """What an abstract method, which returns nothing itself, says that its implementations give."""
    said = function.node.returns
    if said is None or function.returns:
        return
    for node in walk(said):
        written = node.value if isinstance(node, ast.Constant) else None
        named = function.project.names.quoted(written) if isinstance(written, str) else node
        if isinstance(named, (ast.Name, ast.Attribute)):
            kind = function.project.names.annotated(function.scope.parent or function.scope, named)
            record = Record.behind(function.project, kind if isinstance(kind, Scope) else None)
            if record is not None:
                yield record


def _annotated(function: Function, name: str) -> Iterator[Record]:
    """A parameter that a dependency fills with a record: `user: User = Depends(current_user)`."""
    arg = function.scope.parameter(name)
    if arg is None or arg.annotation is None:
        return
    kind = function.project.names.annotated(function.scope.parent or function.scope, arg.annotation)
    record = Record.behind(function.project, kind if isinstance(kind, Scope) else None)
    if record is not None:
        yield record


def _called(function: Function, call: ast.Call, deep: int) -> Iterator[Record]:
    project = function.project
    view = project.call_of(function.scope, call)
    target = view.target
    if target is not None and target.short != "__init__":
        found = [record for value in target.returns for record in _records(target, value, deep + 1)]
        yield from found or _promised(target)
        return
    made = project.names.resolve(function.scope, call.func)
    record = Record.behind(project, made if isinstance(made, Scope) else None)
    if record is not None:
        yield record
        return
    word = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    for argument in call.args if word in _ASKS else ():
        if isinstance(argument, (ast.Name, ast.Attribute)):
            named = project.names.resolve(function.scope, argument)
            record = Record.behind(project, named if isinstance(named, Scope) else None)
            if record is not None:
                yield record
            elif isinstance(named, Variable) and named.scope.kind == "class":
                return  # single columns
        if isinstance(argument, (ast.Name, ast.Call)):
            yield from _records(function, argument, deep + 1)
    if word in _ENDS and isinstance(call.func, ast.Attribute):
        owner = project.names.resolve(function.scope, call.func.value)
        record = Record.behind(project, owner if isinstance(owner, Scope) else None)
        if record is not None:
            yield record
        else:
            yield from _records(function, call.func.value, deep)
    elif word in {"find", "find_all", "find_one"} and isinstance(call.func, ast.Attribute):
        owner = project.names.resolve(function.scope, call.func.value)
        record = Record.behind(project, owner if isinstance(owner, Scope) else None)
        if record is not None:
            yield record
    elif word in {"jsonable_encoder", "dict", "vars", "list"} and call.args:
        yield from _records(function, call.args[0], deep + 1)


def declared(route: Route) -> tuple[ast.expr, Scope] | None:
    """The `response_model` or return annotation that shapes a route's answer, with the scope to read it in."""
    handler = route.handler
    if handler is None:
        return None
    outside = handler.scope.parent or handler.scope
    for _, expr in handler.decorators:
        for keyword in expr.keywords if isinstance(expr, ast.Call) else ():
            if keyword.arg == "response_model":
                empty = isinstance(keyword.value, ast.Constant) and keyword.value.value is None
                return None if empty else (keyword.value, outside)
    returns = handler.node.returns
    return (returns, outside) if returns is not None else None


def models_of(route: Route) -> list[Model]:
    """The models that a route answers with, those inside generics and unions too."""
    shape = declared(route)
    if shape is None or route.handler is None:
        return [route.response] if route.response is not None else []
    return route.handler.project.models_in(shape[1], shape[0])


def fields_within(
    model: Model, deep: int = 0, seen: frozenset[str] = frozenset(), hidden: Hidden = MappingProxyType({})
) -> Iterator[tuple[Model, Field]]:
    """The fields of a model and of the models inside it, without those that `hidden` leaves out."""
    if deep > DEEP or model.name in seen:
        return
    for field in model.fields:
        inside = hidden.get(field.name)
        if field.name in hidden and inside is None:
            continue
        yield model, field
        for inner in field.models:
            yield from fields_within(inner, deep + 1, seen | {model.name}, _each(inside) or MappingProxyType({}))


def _each(hidden: Hidden | None) -> Hidden | None:
    """What is left out of every element of a list: `{"__all__": {"secret"}}`."""
    return (hidden.get("__all__") or hidden) if hidden is not None else None


def excluded(route: Route, project: Project) -> Hidden:
    """What the route leaves out itself, `response_model_exclude`: names, each with what is left out inside it or None for all."""
    handler = route.handler
    for _, expr in handler.decorators if handler is not None else ():
        for keyword in expr.keywords if isinstance(expr, ast.Call) else ():
            if keyword.arg == "response_model_exclude" and handler is not None:
                return _hidden(project, handler.scope, keyword.value)
    return {}


def _hidden(project: Project, scope: Scope, expr: ast.expr) -> Hidden:
    if isinstance(expr, ast.Dict):
        pairs = zip(expr.keys, expr.values, strict=True)
        named = {str(k.value): v for k, v in pairs if isinstance(k, ast.Constant)}
        return {name: None if isinstance(v, ast.Constant) else _hidden(project, scope, v) for name, v in named.items()}
    return {v.text: None for v in project.value(scope, expr).items}
