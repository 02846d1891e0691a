"""How the fields of a request's model get into a record: one by one, all at once, or all but some."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from fastness.checker.evidence.functions import Call, Function
from fastness.checker.evidence.walking import walk

if TYPE_CHECKING:
    from fastness.checker.evidence.project import Project

DEEP = 4
_DUMPS = frozenset(
    {"model_dump", "dict", "model_dump_json", "json", "jsonable_encoder", "vars", "asdict", "copy", "items", "deepcopy"}
)
_WHOLE = frozenset({
    "model_validate", "from_orm", "sqlmodel_update", "parse_obj", "insert_one", "insert", "update", "values", "add", "append", "create",
    "save", "merge", "update_one", "setattr", "construct", "replace_one", "put_item", "set",
})  # fmt: skip
_QUIET = re.compile(
    r"(^|\.)(debug|info|warning|error|exception|print|log|hash_password|get_password_hash|verify\w*|encrypt\w*|isinstance|len|type)$"
)


class Copies:
    """Follows one model through the functions that get it."""

    def __init__(self, project: Project) -> None:
        self._project = project

    def stored(self, function: Function, name: str, field: str, deep: int = 0) -> bool:
        """Whether the function, or one it calls, puts `field` of the model `name` into something as the client sent it."""
        if self._overridden(function, name, field):
            return False
        names = self._aliases(function, name)
        for scope in function.scope.within():
            for display in self._project.nodes_of(scope, ast.Dict):
                if any(
                    k is None and self._dumped(function, v, names, field)
                    for k, v in zip(display.keys, display.values, strict=True)
                ):
                    return True
                if any(
                    _is_field(v, names, field) and _key(k) == field
                    for k, v in zip(display.keys, display.values, strict=True)
                    if k is not None
                ):
                    return True
        for node in function.nodes(ast.Assign):
            if _is_field(node.value, names, field) and any(
                isinstance(t, (ast.Attribute, ast.Subscript)) for t in node.targets
            ):
                return True
            stores = any(isinstance(t, ast.Subscript) for t in node.targets)
            if stores and (_named(node.value, {name}) or self._dumped(function, node.value, names, field)):
                return True
        return any(self._called(call, name, names, field, deep) for call in function.calls())

    def _called(self, call: Call, name: str, names: frozenset[str], field: str, deep: int) -> bool:
        last = call.name.rpartition(".")[2]
        if _QUIET.search(call.name):
            return False
        function = call.function
        if function is None:
            return False
        for keyword in call.node.keywords:
            if keyword.arg is None and self._dumped(function, keyword.value, names, field):
                return True
            if keyword.arg == field and _is_field(keyword.value, names, field):
                return True
        target = call.target
        if target is not None and target.short != "__init__":
            return deep < DEEP and any(self.stored(target, n, field, deep + 1) for n in _bound(call, target, names))
        given = [*call.positional, *(k.value for k in call.node.keywords if k.arg)]
        if last == "setattr" and len(given) == 3:  # noqa: PLR2004 - object, name, value
            return self._looped(function, given[1], names, field)
        if last in _WHOLE and any(_named(g, {name}) or self._dumped(function, g, names, field) for g in given):
            update = call.arg("update")
            replaced = self._project.dict_items(call.scope, update) if update is not None else {}
            return field not in replaced
        return False

    def _looped(self, function: Function, key: ast.expr, names: frozenset[str], field: str) -> bool:
        """`for key, value in given.dict().items(): setattr(user, key, value)`."""
        if not isinstance(key, ast.Name):
            return False
        for assignment in function.assignments(key.id):
            value = assignment.value
            if (
                assignment.how in {"loop", "unpack"}
                and value is not None
                and self._dumped(function, value, names, field)
            ):
                return True
        return False

    def _dumped(self, function: Function, expr: ast.expr, names: frozenset[str], field: str, deep: int = 0) -> bool:
        """Whether an expression is the model as a dict, with the field still in it."""
        if deep > DEEP:
            return False
        match expr:
            case ast.Call(func=func, args=args, keywords=keywords):
                word = func.attr if isinstance(func, ast.Attribute) else getattr(func, "id", "")
                if word not in _DUMPS:
                    return False
                if _excludes(keywords, field):
                    return False
                inner = (
                    func.value
                    if isinstance(func, ast.Attribute) and word != "jsonable_encoder"
                    else args[0]
                    if args
                    else None
                )
                return inner is not None and (
                    _named(inner, names) or self._dumped(function, inner, names, field, deep + 1)
                )
            case ast.Name(id=name):
                values = [a.value for a in function.assignments(name) if a.value is not None and a.how == "plain"]
                return any(
                    self._dumped(function, v, names, field, deep + 1) for v in values if not isinstance(v, ast.Name)
                )
            case ast.Dict(keys=keys, values=values):
                if any(_key(k) == field for k in keys if k is not None):
                    return False
                return any(
                    k is None and self._dumped(function, v, names, field, deep + 1)
                    for k, v in zip(keys, values, strict=True)
                )
            case ast.DictComp(generators=[generator]):
                return self._dumped(function, generator.iter, names, field, deep + 1) and not generator.ifs
            case _:
                return False

    @staticmethod
    def _aliases(function: Function, name: str) -> frozenset[str]:
        found = {name}
        for other, assignments in function.scope.assigned.items():
            if any(isinstance(a.value, ast.Name) and a.value.id == name for a in assignments):
                found.add(other)
        return frozenset(found)

    @staticmethod
    def _overridden(function: Function, name: str, field: str) -> bool:
        """Whether the code sets the field itself: `user.role = "user"`, `data["role"] = ...`, `data.pop("role")`, `del data["role"]`."""
        for node in function.nodes(ast.Assign):
            for target in node.targets:
                ours = isinstance(target, ast.Attribute) and target.attr == field
                ours = ours or (isinstance(target, ast.Subscript) and _key(target.slice) == field)
                if ours and not any(isinstance(n, ast.Name) and n.id == name for n in walk(node.value)):
                    return True
        for removal in function.nodes(ast.Delete):
            if any(isinstance(t, ast.Subscript) and _key(t.slice) == field for t in removal.targets):
                return True
        for branch in function.nodes(ast.If):
            if any(
                isinstance(n, ast.Attribute) and n.attr == field and _named(n.value, {name}) for n in walk(branch.test)
            ):
                if _forbids_one(branch.test):
                    continue  # `if given.role == "owner": raise` leaves all other values to the client
                return any(isinstance(n, ast.Raise) for s in branch.body for n in walk(s))
        return any(c.name.endswith("pop") and c.positional and _key(c.positional[0]) == field for c in function.calls())


def _forbids_one(test: ast.expr) -> bool:
    return isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(test.ops[0], ast.Eq)


def _bound(call: Call, target: Function, names: frozenset[str]) -> set[str]:
    """The callee's parameters that get the model."""
    wanted = [a.arg for a in target.parameters]
    found = {n for n, a in zip(wanted, call.positional, strict=False) if _named(a, names)}
    return found | {k.arg for k in call.node.keywords if k.arg and _named(k.value, names)}


def _excludes(keywords: list[ast.keyword], field: str) -> bool:
    for keyword in keywords:
        if keyword.arg in {"exclude", "include"}:
            written = {n.value for n in walk(keyword.value) if isinstance(n, ast.Constant)}
            return (field in written) is (keyword.arg == "exclude")
    return False


def _is_field(expr: ast.expr, names: frozenset[str], field: str) -> bool:
    match expr:
        case ast.Call(func=ast.Name(id=word) | ast.Attribute(attr=word), args=[inner], keywords=[]) if word[
            :1
        ].isupper():
            return _is_field(inner, names, field)  # `Role(given.role)`: the same value in another type
        case ast.Attribute(value=ast.Attribute() as inner, attr="value"):
            return _is_field(inner, names, field)
        case _:
            return isinstance(expr, ast.Attribute) and expr.attr == field and _named(expr.value, names)


def _named(expr: ast.AST, names: set[str] | frozenset[str]) -> bool:
    return isinstance(expr, ast.Name) and expr.id in names


def _key(expr: ast.AST | None) -> object:
    return expr.value if isinstance(expr, ast.Constant) else None
