"""
## What it looks for
A route that answers with every row of a table or every document of a collection.

## Why it matters
It works with ten rows; with a million it takes the memory of the server and of the client.

## Bad
    from fastapi import Depends, FastAPI
    from sqlalchemy import select
    from sqlalchemy.orm import Session
    from shop.database import Item, get_session

    app = FastAPI()

    @app.get("/items")
    def items(session: Session = Depends(get_session)) -> list[dict]:
        return [{"name": item.name} for item in session.scalars(select(Item)).all()]

## Good
    from typing import Annotated
    from fastapi import Depends, FastAPI, Query
    from sqlalchemy import select
    from sqlalchemy.orm import Session
    from shop.database import Item, get_session

    app = FastAPI()

    @app.get("/items")
    def items(limit: Annotated[int, Query(le=100)] = 20, session: Session = Depends(get_session)) -> list[dict]:
        return [{"name": item.name} for item in session.scalars(select(Item).limit(limit)).all()]

## How it is found
A GET route without a parameter that pages (`limit`, `page`, `cursor`, ...) whose handler, or a function that it calls,
reads a whole result (`all()`, `find()`, `to_list(None)`) and nothing limits it: no `limit`, slice, `paginate`, nor a
condition that names one record. Regular readers see it where another route lets people who are no administrators add to
the very same records: then strangers decide how long the answer is.

## What it cannot see
How many rows there are: a table of countries needs no pages.

## How to tell the checker
`# fastness: ignore[FN404] the reason` on the route.

## References
OWASP API4:2023, ASVS 15.2.2, CWE-770.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from fastness.checker.evidence.collected import collections_of
from fastness.checker.evidence.functions import Function
from fastness.checker.evidence.model import Application, Route
from fastness.checker.evidence.privilege import administrative
from fastness.checker.evidence.purpose import purposes
from fastness.checker.evidence.walking import walk
from fastness.checker.evidence.written import written
from fastness.checker.finding import Confidence, Finding, Persona, Severity
from fastness.checker.rule import Rule

_PAGES = re.compile(
    r"limit|page|per_page|cursor|offset|skip|size|after|before|top|count|range|since|last|first", re.IGNORECASE
)
_LIMITS = re.compile(
    r"(^|\.)(limit|paginate|fetchmany|first|one|one_or_none|get|find_one|slice|head|top|scalar_one\w*|islice)$"
)
_WHOLE = re.compile(r"\.(all|fetchall|find|to_list|scalars|fetch_all|find_all|stream|stream_scalars)$")
_ONE = re.compile(r"\{")


class UnpagedCollection(Rule):
    """Everything at once."""

    id, name, control, severity = "FN404", "unpaged-collection", "limits", Severity.LOW
    persona = Persona.PEDANTIC
    owasp, asvs, cwe = ("API4:2023",), ("15.2.2",), (770,)
    why = "the answer grows with the table until the server has no memory left"
    fix = "page it: limit: Annotated[int, Query(le=100)] = 20, and an offset or cursor"

    def inspect(self, application: Application) -> Iterator[Finding]:
        adding: dict[str, Route] | None = None
        for route in application.routes:
            if route.kind != "http" or "GET" not in route.methods or route.handler is None or _ONE.search(route.path):
                continue
            if any(_PAGES.search(p.name) for p in route.parameters) or purposes(route):
                continue
            what = _whole(route, route.handler)
            if what:
                adding = _adding(application) if adding is None else adding
                fed = _fed(adding, route, route.handler)
                yield self.found(
                    route.place,
                    f"{route} answers with all that {what} gives" + (f", and {fed} adds to it" if fed else ""),
                    route=route,
                    subject=str(route),
                    confidence=Confidence.MEDIUM,
                    persona=Persona.REGULAR if fed else Persona.PEDANTIC,
                )


def _whole(route: Route, handler: Function) -> str:
    """The call that reads everything, or the module's list that is answered; empty where something limits."""
    found = ""
    for function in handler.reaches(2):
        for call in function.calls():
            if _LIMITS.search(call.name) or re.search(
                r"\b(limit|max_results|page)\b", " ".join(call.keywords), re.IGNORECASE
            ):
                return ""
            if _WHOLE.search(call.name) and call.target is None and not _chosen(function):
                found = found or call.name.rpartition(".")[2] + "()"
        if any(isinstance(s.slice, ast.Slice) for s in function.nodes(ast.Subscript)):
            return ""
    return found or _listed(route, handler)


def _fed(adding: dict[str, Route], route: Route, handler: Function) -> str:
    """The route by which ordinary callers make more of what this one answers; empty where only few may, or nobody is seen to."""
    if route.guarded("role") or route.development or administrative(route):
        return ""
    if any(_chosen(function) for function in handler.reaches(4)):
        return ""
    return next((str(adding[name]) for name in sorted(collections_of(handler, read=True)) if name in adding), "")


def _adding(application: Application) -> dict[str, Route]:
    """What ordinary callers add to, with the first route by which they do."""
    found: dict[str, Route] = {}
    for route in application.routes:
        ordinary = "POST" in route.methods and not route.guarded("role") and not route.guarded("signature")
        if not ordinary or route.development or administrative(route) or route.handler is None:
            continue
        if route.path.rstrip("/").endswith("}"):
            continue  # it sets what its path names, and adds nothing
        for name in collections_of(route.handler, read=False):
            found.setdefault(name, route)
    return found


def _chosen(function: Function) -> bool:
    """Whether the function chooses by something that the caller or the session names."""
    return any(call.name.rpartition(".")[2] in {"where", "filter", "filter_by"} for call in function.calls())


def _listed(route: Route, handler: Function) -> str:
    """A list of the module that routes append to, answered whole."""
    for value in handler.returns:
        for node in walk(value):
            if (
                isinstance(node, ast.Name)
                and node.id in handler.scope.module.assigned
                and node.id not in handler.scope.assigned
            ):
                made = handler.scope.module.assigned[node.id]
                if any(isinstance(a.value, ast.List) for a in made) and _grows(handler, node.id):
                    return node.id
                if any(isinstance(a.value, ast.Dict) for a in made) and f"{node.id}.values()" in written(value):
                    return node.id
    del route
    return ""


def _grows(handler: Function, name: str) -> bool:
    return any(
        isinstance(call.func, ast.Attribute)
        and call.func.attr in {"append", "extend"}
        and written(call.func.value) == name
        for scope in handler.scope.module.within()
        for call in scope.calls
    )
