"""
## What it looks for
A request's JSON, or a `dict` parameter, that is merged into a record as it comes.

## Why it matters
The client decides which columns are written, `is_admin` and `owner_id` too.

## Bad
    import os
    import jwt
    from fastapi import Depends, FastAPI, HTTPException
    from fastapi.security import OAuth2PasswordBearer

    app = FastAPI()
    bearer = OAuth2PasswordBearer(tokenUrl="token")

    def current_user(token: str = Depends(bearer)) -> dict:
        return jwt.decode(token, os.environ["TOKEN_KEY"], algorithms=["HS256"])

    people: dict[str, dict] = {}

    @app.patch("/me")
    def change(given: dict, user: dict = Depends(current_user)) -> None:
        people[user["sub"]].update(given)

## Good
    import os
    import jwt
    from fastapi import Depends, FastAPI, HTTPException
    from fastapi.security import OAuth2PasswordBearer

    app = FastAPI()
    bearer = OAuth2PasswordBearer(tokenUrl="token")

    def current_user(token: str = Depends(bearer)) -> dict:
        return jwt.decode(token, os.environ["TOKEN_KEY"], algorithms=["HS256"])

    people: dict[str, dict] = {}

    @app.patch("/me")
    def change(name: str, user: dict = Depends(current_user)) -> None:
        people[user["sub"]]["name"] = name

## How it is found
Parameters of type `dict` and names bound to `await request.json()` are followed to `Model(**data)`, `update`, `setattr` loops,
`values(**data)`, inserts and `|=`; picking single keys is fine, and so is a model that validates first.

## What it cannot see
Records that accept only their own columns.

## How to tell the checker
`# fastness: ignore[FN210] the reason` on the line of the decorator.

## References
OWASP API3:2023, ASVS 15.3.3, CWE-915
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from fastness.checker.evidence.functions import Call, Function
from fastness.checker.evidence.model import Application, Route
from fastness.checker.evidence.records import Record
from fastness.checker.evidence.scope import Scope
from fastness.checker.evidence.walking import walk
from fastness.checker.evidence.written import written
from fastness.checker.finding import Confidence, Finding, Severity
from fastness.checker.rule import Rule

_DICT = re.compile(r"^(dict|Dict|Mapping|MutableMapping|Any)\b")
_STORES = frozenset({"insert_one", "update_one", "insert", "values", "update", "replace_one", "find_one_and_update"})
_KEPT = re.compile(
    r"(^|[._])(db|database|collection|coll|users?|accounts?|profiles?|people|members?|customers?|record|obj|instance|item|entity|mongo|store)\w*",
    re.IGNORECASE,
)


class RawBodyStored(Rule):
    """The client writes the record."""

    id, name, control, severity = "FN210", "raw-body-stored", "fields", Severity.HIGH
    owasp, asvs, cwe, guide = ("API3:2023",), ("15.3.3",), (915,), (4,)
    why = "the client decides which columns are written, those of power too"
    fix = "take a Pydantic model with exactly the fields that may change"

    def inspect(self, application: Application) -> Iterator[Finding]:
        for route in application.routes:
            handler = route.handler
            if handler is None or route.kind != "http" or not route.writes or route.guarded("role"):
                continue
            names = _raw(route, handler)
            if (names and any(_merges(call, names) for call in handler.calls())) or (names and _sets(handler, names)):
                yield self.found(
                    route.place,
                    f"{route} writes whatever fields the client sends",
                    route=route,
                    subject=route.name,
                    confidence=Confidence.MEDIUM,
                )


def _raw(route: Route, handler: Function) -> frozenset[str]:
    """The names of untyped bodies."""
    found = {p.name for p in route.parameters if p.source == "body" and p.model is None and _DICT.match(p.annotation)}
    for name, assignments in handler.scope.assigned.items():
        for assignment in assignments:
            value = assignment.value.value if isinstance(assignment.value, ast.Await) else assignment.value
            if (
                not isinstance(value, ast.Call)
                or not isinstance(value.func, ast.Attribute)
                or value.func.attr != "json"
            ):
                continue
            if handler.project.flow.is_request(handler.scope, value.func.value):
                found.add(name)
    return frozenset(found)


def _merges(call: Call, names: frozenset[str]) -> bool:
    spread = any(k.arg is None and _is(k.value, names) for k in call.node.keywords)
    if spread:
        found = call.project.names.resolve(call.scope, call.node.func)
        record = Record.behind(call.project, found if isinstance(found, Scope) else None)
        return record is not None or call.name.rpartition(".")[2] == "values"
    last = call.name.rpartition(".")[2]
    if last not in _STORES or call.receiver is None:
        return False
    handed = any(_is(a, names) or _set_whole(a, names) for a in call.positional)
    return handed and _KEPT.search(written(call.receiver)) is not None


def _set_whole(expr: ast.expr, names: frozenset[str]) -> bool:
    """`{"$set": data}`."""
    return isinstance(expr, ast.Dict) and any(
        isinstance(k, ast.Constant) and k.value == "$set" and _is(v, names)
        for k, v in zip(expr.keys, expr.values, strict=True)
    )


def _sets(handler: Function, names: frozenset[str]) -> bool:
    """`for key, value in data.items(): setattr(record, key, value)`."""
    for call in handler.calls("setattr"):
        key = call.arg(1)
        if isinstance(key, ast.Name):
            for assignment in handler.assignments(key.id):
                value = assignment.value
                if (
                    isinstance(value, ast.Call)
                    and isinstance(value.func, ast.Attribute)
                    and value.func.attr == "items"
                    and _is(value.func.value, names)
                ):
                    return not _filtered(handler, key.id)
    return False


def _filtered(handler: Function, key: str) -> bool:
    """Whether the loop asks which key it has."""
    return any(isinstance(n, ast.Name) and n.id == key for test in handler.nodes(ast.Compare) for n in walk(test))


def _is(expr: ast.AST, names: frozenset[str]) -> bool:
    return isinstance(expr, ast.Name) and expr.id in names
