"""Objects that a route fetches, changes or removes by a name that the client gave."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fastness.checker.evidence.found import Variable
from fastness.checker.evidence.functions import Call, Function
from fastness.checker.evidence.model import Route
from fastness.checker.evidence.naming import changed, key_of, named
from fastness.checker.evidence.records import Record
from fastness.checker.evidence.scope import Scope
from fastness.checker.evidence.walking import walk
from fastness.checker.evidence.written import written

if TYPE_CHECKING:
    from fastness.checker.evidence.project import Project

DEEP = 4
IDENTIFIER = re.compile(
    r"(^|_)(id|ids|uuid|guid|pk|oid|slug|key|number|no|code|ref|reference|username|user_name|name|email|filename)$|Id$",
    re.IGNORECASE,
)
_GETS = frozenset({
    "get", "get_one", "get_or_404", "get_or_none", "get_by_id", "find_by_id", "fetch_by_id", "find_one", "find_unique", "get_one_or_none",
    "load", "find_first",
})  # fmt: skip
_MONGO = frozenset({
    "find_one", "find_one_and_update", "find_one_and_delete", "find_one_and_replace", "delete_one", "update_one", "replace_one",
})  # fmt: skip
_RUNS = frozenset({"execute", "fetchrow", "fetch_one", "fetch", "fetchval", "fetch_all", "exec", "query"})
_WHERE = re.compile(r"\bwhere\b(?P<test>.*)", re.IGNORECASE | re.DOTALL)
_TABLE = re.compile(r"\b(?:from|update|into)\s+[\"'`]?(?P<table>[a-z_][a-z0-9_.]*)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, eq=False)
class Lookup:
    """One object found by the client's word."""

    function: Function
    node: ast.AST
    key: str
    """The name that the client gave it by."""
    record: Record | None
    """Its class, where the source shows it."""
    table: str = ""
    """The table of a statement or the name of a collection, where no class is known."""
    test: str = ""
    """The condition of a statement written as text."""


class Lookups:
    """Finds them."""

    def __init__(self, project: Project) -> None:
        self._project = project

    def of(self, route: Route) -> Iterator[Lookup]:
        """What the handler of a route, and the functions it calls, look up by its own parameters."""
        if route.handler is None:
            return
        given = frozenset(
            p.name for p in route.parameters if p.source in {"path", "query"} and IDENTIFIER.search(p.name)
        )
        # Path parameters are names of things whatever they are called.
        given |= frozenset(p.name for p in route.parameters if p.source == "path")
        if given:
            yield from self._in(route.handler, given, 0, set())

    def named_in_body(self, route: Route) -> Iterator[tuple[Lookup, str]]:
        """What a handler looks up by a field of its body and then changes or removes, with the field.

        Looking alone proves nothing there: a recipient, a coupon or a name that may be taken is looked up as well.
        """
        handler = route.handler
        for parameter in route.parameters if handler is not None else ():
            if handler is None or parameter.source != "body" or parameter.model is None:
                continue
            given = frozenset(f"{parameter.name}.{f.name}" for f in parameter.model.fields if IDENTIFIER.search(f.name))
            for lookup in self._in(handler, given, 0, set()) if given else ():
                field = next((text for text in given if text.endswith(f".{lookup.key.rpartition('.')[2]}")), lookup.key)
                if changed(handler, given):
                    yield lookup, field

    def _in(self, function: Function, given: frozenset[str], deep: int, seen: set[int]) -> Iterator[Lookup]:
        if id(function.scope) in seen:
            return
        seen.add(id(function.scope))
        given = self._aliases(function, given)
        for node in function.nodes(ast.Compare):
            yield from self._compared(function, node, given)
        for part in function.nodes(ast.Subscript):
            if named(part.slice, given) and _store(function.scope, part.value):
                yield Lookup(function, part, key_of(part.slice, given), None, written(part.value))
        for call in function.calls():
            target = call.target
            if target is not None and target.short != "__init__" and deep < DEEP:
                inner = self._bound(call, target, given)
                if inner:
                    found = list(self._in(target, inner, deep + 1, seen))
                    yield from (f if f.record is not None or f.table else self._typed(call, f) for f in found)
                continue
            yield from self._called(function, call, given)

    def _typed(self, call: Call, found: Lookup) -> Lookup:
        """A generic repository looks up `self.model`: the class that it was made for is in its bases or arguments."""
        record = self._generic(call)
        return (
            Lookup(found.function, found.node, found.key, record, found.table, found.test)
            if record is not None
            else found
        )

    def _generic(self, call: Call) -> Record | None:
        if call.receiver is None:
            return None
        kind = self._project.names.kind(call.scope, call.receiver)
        for cls in self._project.names.lineage(kind) if isinstance(kind, Scope) and kind.kind == "class" else ():
            if not isinstance(cls, Scope) or not isinstance(cls.node, ast.ClassDef):
                continue
            for base in cls.node.bases:
                for part in walk(base.slice) if isinstance(base, ast.Subscript) else ():
                    record = self._record(cls.parent or cls, part)
                    if record is not None:
                        return record
            for name in ("model", "_model", "model_class"):
                for assignment in cls.assigned.get(name, []):
                    record = self._record(cls, assignment.value)
                    if record is not None:
                        return record
        return None

    def _aliases(self, function: Function, given: frozenset[str]) -> frozenset[str]:
        """With names bound to a conversion of one: `oid = ObjectId(item_id)`."""
        found = set(given)
        for name, assignments in function.scope.assigned.items():
            for assignment in assignments:
                value = assignment.value
                if (
                    isinstance(value, ast.Call)
                    and len(value.args) == 1
                    and isinstance(value.args[0], ast.Name)
                    and value.args[0].id in given
                ):
                    word = self._project.names.dotted(function.scope, value.func).rpartition(".")[2]
                    if word in {"int", "str", "UUID", "ObjectId", "PydanticObjectId"}:
                        found.add(name)
        return frozenset(found)

    def _bound(self, call: Call, target: Function, given: frozenset[str]) -> frozenset[str]:
        names = [a.arg for a in target.parameters]
        found = {n for n, a in zip(names, call.positional, strict=False) if named(a, given)}
        found |= {k.arg for k in call.node.keywords if k.arg and named(k.value, given)}
        return frozenset(found)

    def _compared(self, function: Function, node: ast.Compare, given: frozenset[str]) -> Iterator[Lookup]:
        if len(node.ops) != 1 or not isinstance(node.ops[0], (ast.Eq, ast.In)):
            return
        for one, other in ((node.left, node.comparators[0]), (node.comparators[0], node.left)):
            if not (isinstance(one, ast.Attribute) and named(other, given)):
                continue
            found = self._project.names.resolve(function.scope, one)
            if isinstance(found, Variable) and found.scope.kind == "class":
                base = self._project.names.resolve(function.scope, one.value)
                record = Record.behind(self._project, base if isinstance(base, Scope) else found.scope)
                if record is not None and IDENTIFIER.search(one.attr):
                    yield Lookup(function, node, key_of(other, given), record)
            elif isinstance(one.value, ast.Attribute) and re.search(
                r"model|table|entity", one.value.attr, re.IGNORECASE
            ):
                yield Lookup(function, node, key_of(other, given), None)

    def _called(self, function: Function, call: Call, given: frozenset[str]) -> Iterator[Lookup]:
        last = call.name.rpartition(".")[2]
        arguments = [*call.positional, *(k.value for k in call.node.keywords)]
        key = next((key_of(a, given) for a in arguments if named(a, given)), "")
        if last in _GETS and key and call.positional:
            record = self._record(call.scope, call.positional[0]) or (
                self._record(call.scope, call.receiver) if call.receiver is not None else None
            )
            if record is not None:
                yield Lookup(function, call.node, key, record)
                return
            if call.receiver is not None and named(call.positional[0], given) and _store(call.scope, call.receiver):
                yield Lookup(function, call.node, key, None, written(call.receiver))
            elif last == "get" and key and _generic_model(call.positional[0]):
                yield Lookup(function, call.node, key, None)
        if last in {"filter_by", "get", "get_or_none"} and call.receiver is not None:
            for keyword in call.node.keywords:
                if keyword.arg and IDENTIFIER.search(keyword.arg) and named(keyword.value, given):
                    yield Lookup(function, call.node, key_of(keyword.value, given), self._chained(call))
        if last in _MONGO and call.positional:
            yield from self._mongo(function, call, given)
        if last in _RUNS and call.positional:
            yield from self._statement(function, call, given)

    def _mongo(self, function: Function, call: Call, given: frozenset[str]) -> Iterator[Lookup]:
        asked = call.positional[0]
        if isinstance(asked, ast.Dict) and len(asked.keys) == 1 and call.receiver is not None:
            key = next((key_of(v, given) for v in asked.values if named(v, given)), "")
            if key:
                yield Lookup(function, call.node, key, self._record(call.scope, call.receiver), _last(call.receiver))

    def _statement(self, function: Function, call: Call, given: frozenset[str]) -> Iterator[Lookup]:
        value = self._project.value(call.scope, call.positional[0])
        if not value.text and isinstance(call.positional[0], ast.Call) and call.positional[0].args:
            value = self._project.value(call.scope, call.positional[0].args[0])
        text = value.text or " ".join(item.text for item in value.items)
        where, table = _WHERE.search(text), _TABLE.search(text)
        rest = [*call.positional[1:], *(k.value for k in call.node.keywords)]
        pieces = [*rest, *(call.positional[:1] if not value.text else [])]
        key = next(
            (key_of(a, given) for a in pieces if any(named(p, given) for p in walk(a) if isinstance(p, ast.expr))),
            "",
        )
        if where and table and key:
            yield Lookup(function, call.node, key, None, table["table"], where["test"])

    def _chained(self, call: Call) -> Record | None:
        """The class named in the chain before a call: `db.query(Item).filter_by(...)`."""
        for part in walk(call.receiver) if call.receiver is not None else ():
            if isinstance(part, (ast.Name, ast.Attribute)):
                record = self._record(call.scope, part)
                if record is not None:
                    return record
        return None

    def _record(self, scope: Scope, expr: ast.AST | None) -> Record | None:
        if not isinstance(expr, (ast.Name, ast.Attribute)):
            return None
        found = self._project.names.resolve(scope, expr)
        return Record.behind(self._project, found) if isinstance(found, Scope) else None


def _last(expr: ast.expr) -> str:
    if isinstance(expr, ast.Attribute):
        return expr.attr
    if isinstance(expr, ast.Subscript) and isinstance(expr.slice, ast.Constant):
        return str(expr.slice.value)
    return written(expr).rpartition(".")[2]


def _generic_model(expr: ast.expr) -> bool:
    return isinstance(expr, ast.Attribute) and re.search(r"model|entity", expr.attr, re.IGNORECASE) is not None


def _store(scope: Scope, expr: ast.expr) -> bool:
    """Whether an expression is a dict of the module, the store of small programs."""
    if not isinstance(expr, ast.Name) or expr.id in scope.assigned or scope.parameter(expr.id) is not None:
        return False
    bound = scope.module.assigned.get(expr.id, [])
    if any(isinstance(a.value, ast.Dict) for a in bound):
        return True
    return (
        bool(re.search(r"(^|_)(db|database|store|storage|items|records)$", expr.id)) and expr.id in scope.module.imports
    )
