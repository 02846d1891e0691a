"""
## What it looks for
A page size that the caller chooses without an upper bound: `limit`, `page_size`, `top_k`.

## Why it matters
`?limit=100000000` makes one request read the whole table, hold it in memory and serialise it.

## Bad
    from fastapi import FastAPI

    app = FastAPI()
    ROWS = list(range(10_000))

    @app.get("/items")
    def items(skip: int = 0, limit: int = 100) -> list[int]:
        return ROWS[skip : skip + limit]

## Good
    from typing import Annotated
    from fastapi import FastAPI, Query

    app = FastAPI()
    ROWS = list(range(10_000))

    @app.get("/items")
    def items(skip: int = 0, limit: Annotated[int, Query(ge=1, le=100)] = 100) -> list[int]:
        return ROWS[skip : skip + limit]

## How it is found
Each number among a route's inputs whose name says that it sizes an answer is followed through the handler and the
functions that get it, a service's model included. It is reported when nothing bounds it: no `le` or `lt` on the parameter, its alias or its model, no
`min(...)`, no comparison with a figure, no set of allowed sizes. Vague names (`n`, `count`, `size`) count only where the
number is seen to size something: `.limit(n)`, `range(n)`, a slice. Fields of a body always need that.

## What it cannot see
A bound inside a library that gets the number, or in the database.

## How to tell the checker
`# fastness: ignore[FN401] the reason` on the parameter's line.

## References
OWASP API4:2023, ASVS 2.2.1, CWE-770.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from fastness.checker.evidence.classes import Model
from fastness.checker.evidence.functions import Call, Function
from fastness.checker.evidence.model import Application, Parameter, Route
from fastness.checker.evidence.uses import Held, arguments, cut, holders
from fastness.checker.evidence.walking import walk
from fastness.checker.finding import Confidence, Finding, Place, Severity
from fastness.checker.rule import Rule

_PLAIN = re.compile(
    r"^(page|per|max|result|item|row|query|search|record|list)?_?(limit|page_?size|per_?page|max_?results|top_?k|page_?limit|items_per_page|results_per_page|pagesize)$",
    re.IGNORECASE,
)
_VAGUE = re.compile(
    r"^(n|k|num|count|size|length|take|first|last|rows|amount|quantity|number|batch_?size|chunk_?size|max_?items|(num|n|number_of|max|top)_\w+|\w+_(count|limit))$",
    re.IGNORECASE,
)
_SHORT = frozenset({"n", "k", "count", "n_results", "num_results", "size"})
"""Vague names that count in a body; others size the work on purpose (`batch_size`)."""
_NUMBER = re.compile(r"^(int|float|PositiveInt|NonNegativeInt|conint\(.*|)$")
_SIZING = frozenset({
    "limit", "range", "islice", "head", "tail", "sample", "to_list", "fetchmany", "repeat", "nlargest", "nsmallest", "zeros",
    "ones", "token_bytes", "token_hex", "urandom", "choices", "linspace", "arange",
})  # fmt: skip
_KEYWORDS = frozenset({
    "limit", "page_size", "per_page", "top_k", "k", "n_results", "first", "size", "max_results", "length", "take",
})  # fmt: skip
_UPPER = ("le", "lt")


class UnboundedPageSize(Rule):
    """A caller's page size without an upper bound."""

    id, name, control, severity = "FN401", "unbounded-page-size", "fields", Severity.MEDIUM
    owasp, asvs, cwe, guide = ("API4:2023",), ("2.2.1",), (770,), (3,)
    why = "one request can make the server read and send a whole table"
    fix = "bound it: limit: Annotated[int, Query(ge=1, le=100)] = 20"

    def inspect(self, application: Application) -> Iterator[Finding]:
        seen: set[Place] = set()
        for route in application.routes:
            if route.kind != "http" or route.handler is None:
                continue
            for name, text, place, confidence in _open(route, route.handler):
                if place not in seen:
                    seen.add(place)
                    yield self.found(
                        place,
                        f"{name} has no upper bound",
                        subject=f"{route.handler.short} {text}",
                        confidence=confidence,
                    )


def _open(route: Route, handler: Function) -> Iterator[tuple[str, str, Place, Confidence]]:
    """Name, text, place of every size that nothing bounds."""
    for parameter in route.parameters:
        if parameter.model is not None:
            yield from _fields(route, handler, parameter, parameter.model)
        elif parameter.source == "query" and parameter.place is not None and _NUMBER.match(parameter.annotation):
            plain, vague = _PLAIN.match(parameter.name), _VAGUE.match(parameter.name)
            if not (plain or vague) or _bounded(parameter.bounds):
                continue
            functions = [
                f for f in (handler, *route.dependencies) if any(a.arg == parameter.name for a in f.parameters)
            ]
            sized, kept = _followed(functions, [parameter.name])
            if (
                not kept
                and (sized or (plain and "GET" in route.methods))
                and not _only_slices(functions, parameter.name)
            ):
                yield parameter.name, parameter.name, parameter.place, Confidence.HIGH if sized else Confidence.MEDIUM


def _fields(
    route: Route, handler: Function, parameter: Parameter, model: Model
) -> Iterator[tuple[str, str, Place, Confidence]]:
    for field in model.fields:
        if not (_PLAIN.match(field.name) or field.name in _SHORT) or not _NUMBER.match(field.annotation):
            continue
        if _bounded(field.bounds) or any(True for _ in model.validators(field.name)):
            continue
        functions = [f for f in (handler, *route.dependencies) if any(a.arg == parameter.name for a in f.parameters)]
        sized, kept = _followed(functions, [f"{parameter.name}.{field.name}"])
        if sized and not kept:
            yield field.name, f"{model.short}.{field.name}", field.place, Confidence.HIGH


def _only_slices(functions: list[Function], name: str) -> bool:
    """Whether the number cuts nothing but what lies in memory anyway: `buffer[-limit:]`, `frame.tail(limit)`."""
    uses: list[bool] = []
    for function in functions:
        slices = [s.slice.lower for s in function.nodes(ast.Subscript) if isinstance(s.slice, ast.Slice)]
        cut = {id(n) for s in slices if isinstance(s, ast.UnaryOp) for n in walk(s)}
        cut |= {
            id(n)
            for call in function.calls()
            if call.name.rpartition(".")[2] in {"head", "tail"}
            for a in call.positional
            for n in walk(a)
        }
        asked = [*(t.test for t in function.nodes(ast.If)), *(t.test for t in function.nodes(ast.IfExp))]
        tests = {id(n) for test in asked for n in walk(test)}
        uses += [
            id(n) in cut
            for statement in function.node.body
            for n in walk(statement)
            if isinstance(n, ast.Name) and n.id == name and id(n) not in tests
        ]
    return bool(uses) and all(uses)


def _bounded(bounds: tuple[tuple[str, object], ...]) -> bool:
    return any(key in _UPPER for key, _ in bounds)


def _followed(functions: list[Function], texts: list[str]) -> tuple[bool, bool]:
    """Whether the number is seen to size something, and whether something keeps it small."""
    sized = kept = False
    for function in functions:
        for text in texts:
            for held in holders(function, text):
                kept = kept or cut(held)
                sized = sized or _sizes(held)
    return sized, kept


def _sizes(held: Held) -> bool:
    for call in held.function.calls():
        if _sized_by(held, call):
            return True
    for subscript in held.function.nodes(ast.Subscript):
        bounds = subscript.slice
        if isinstance(bounds, ast.Slice) and bounds.upper is not None and held.touched_by(bounds.upper):
            return True
    return False


def _sized_by(held: Held, call: Call) -> bool:
    last = call.name.rpartition(".")[2]
    if last in _SIZING and any(held.touched_by(a) for a in call.positional):
        return True
    named = dict(call.keywords)
    for argument in arguments(call):
        named |= call.project.dict_items(call.scope, argument)
    return call.target is None and any(k in _KEYWORDS and held.is_in(v) for k, v in named.items())
