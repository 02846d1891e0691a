"""
## What it looks for
A MongoDB filter with a value whose type the caller chooses.

## Why it matters
`{"password": {"$ne": null}}` instead of a text matches every document: a sign-in without the password.

## Bad
    from fastapi import FastAPI
    from shop.database import users

    app = FastAPI()

    @app.post("/login")
    async def login(given: dict) -> bool:
        return await users.find_one({"email": given["email"], "code": given["code"]}) is not None

## Good
    from fastapi import Depends, FastAPI
    from pydantic import BaseModel
    from shop.accounts import limited
    from shop.database import users

    app = FastAPI(dependencies=[Depends(limited)])

    class Given(BaseModel):
        email: str
        code: str

    @app.post("/known")
    async def known(given: Given) -> bool:
        return await users.find_one({"email": given.email, "code": given.code}) is not None

## How it is found
The filters of `find`, `find_one`, `update_*`, `delete_*`, `count_documents` and `aggregate` are followed back. A value out of a
`dict`, of `Any` or of `request.json()` may be an operator; `str`, numbers, `str(...)` and fields of a model may not.

## What it cannot see
Filters that a library outside the project builds.

## How to tell the checker
`# fastness: ignore[FN303] the reason` on the line.

## References
OWASP API8:2023, ASVS 1.2.4, CWE-943.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from fastness.checker.evidence.functions import Call
from fastness.checker.evidence.origin import Source
from fastness.checker.evidence.project import Project
from fastness.checker.evidence.verified import verified
from fastness.checker.finding import Finding, Severity
from fastness.checker.rule import Rule

_CALLS = (
    "find_one", "find", "update_one", "update_many", "delete_one", "delete_many", "replace_one", "find_one_and_update",
    "find_one_and_delete", "find_one_and_replace", "count_documents", "aggregate",
)  # fmt: skip
_OPEN = re.compile(r"^(typing\.)?(dict|Dict|Any|Mapping|list\[dict|List\[dict)\b|^object$")
_TYPING = frozenset({"str", "int", "float", "bool", "ObjectId", "escape", "quote"})


class UntypedMongoFilter(Rule):
    """A filter that may hold operators."""

    id, name, control, severity = "FN303", "untyped-mongo-filter", "fields", Severity.HIGH
    owasp, asvs, cwe, guide = ("API8:2023",), ("1.2.4",), (943,), (5,)
    why = "an operator instead of a text matches documents that the caller may not see"
    fix = "take the values through a model with str fields, or str(value)"

    def read(self, project: Project) -> Iterator[Finding]:
        for call in project.calls(*_CALLS):
            condition = call.arg("filter", "query", "pipeline", 0)
            if condition is None or call.target is not None or call.receiver is None:
                continue
            asked = {s.name for value in _values(condition) for s in _open(project, call, value)}
            if asked:
                yield self.found(
                    call.place,
                    f"the request's {', '.join(sorted(asked))} may be an operator in this filter",
                    subject=call.code,
                )


def _values(condition: ast.expr) -> Iterator[ast.expr]:
    if isinstance(condition, ast.Dict):
        for value in condition.values:
            yield from _values(value)
    elif isinstance(condition, (ast.List, ast.Tuple)):
        for value in condition.elts:
            yield from _values(value)
    elif not isinstance(condition, (ast.JoinedStr, ast.Constant)):
        yield condition


def _open(project: Project, call: Call, value: ast.expr) -> Iterator[Source]:
    if verified(project, call.scope, value):
        return
    for source in project.flow.requested(call.scope, value):
        raw = source.annotation.endswith("Request") and source.passed("json")
        if (raw or _OPEN.search(source.annotation)) and not source.passed(*_TYPING):
            yield source
