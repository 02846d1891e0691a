"""
## What it looks for
An amount, quantity or price in a request that may be zero, negative or not a number.

## Why it matters
An order of minus ten pieces pays money out; a price of `NaN` passes every comparison.

## Bad
    from fastapi import Depends, FastAPI
    from pydantic import BaseModel
    from shop.accounts import current_user
    from shop.orders import place

    app = FastAPI(dependencies=[Depends(current_user)])

    class Order(BaseModel):
        item: int
        quantity: int

    @app.post("/orders")
    def order(given: Order) -> int:
        return place(given.item, given.quantity)

## Good
    from fastapi import Depends, FastAPI
    from pydantic import BaseModel, Field
    from shop.accounts import current_user
    from shop.orders import place

    app = FastAPI(dependencies=[Depends(current_user)])

    class Order(BaseModel):
        item: int
        quantity: int = Field(ge=1, le=1000)

    @app.post("/orders")
    def order(given: Order) -> int:
        return place(given.item, given.quantity)

## How it is found
Numbers with such names among the inputs of routes that change something, in body models, forms and queries. `ge`, `gt`,
`PositiveInt`, a validator of the model, and a comparison in the handler or in what it calls count as a lower bound.

## What it cannot see
Ledgers in which negative amounts have a meaning.

## How to tell the checker
`# fastness: ignore[FN403] the reason` on the field's line.

## References
OWASP API6:2023, ASVS 2.2.1, CWE-839.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from fastness.checker.evidence.effects import effects
from fastness.checker.evidence.functions import Function
from fastness.checker.evidence.model import Application, Parameter, Route
from fastness.checker.evidence.walking import walk
from fastness.checker.evidence.written import written
from fastness.checker.finding import Confidence, Finding, Place, Severity
from fastness.checker.rule import Rule

_NAME = re.compile(
    r"^((unit|total|order|item|transfer|payment|deposit|withdraw\w*|purchase|new|bid|stake|tip|refund)_)?(amount|quantity|qty|price)$"
)
_NUMBER = re.compile(r"^(int|float|Decimal|decimal\.Decimal|conint\(.*|confloat\(.*|condecimal\(.*)$")
_PLAIN = frozenset({"round", "float", "int", "str", "len", "min", "max", "sum", "abs", "isinstance", "print"})
_LOWER = ("ge", "gt")
_OTHER = re.compile(r"filter|search|query|response|update_stats|cost|expense|conversion", re.IGNORECASE)
"""Records of what was spent may hold corrections; the others ask."""


class NegativeAmount(Rule):
    """An amount without a lower bound."""

    id, name, control, severity = "FN403", "negative-amount", "fields", Severity.MEDIUM
    owasp, asvs, cwe, guide = ("API6:2023",), ("2.2.1",), (839,), (3,)
    why = "a negative quantity or amount turns a payment around"
    fix = "bound it: quantity: int = Field(ge=1, le=1000)"

    def inspect(self, application: Application) -> Iterator[Finding]:
        seen: set[Place] = set()
        for route in application.routes:
            if route.kind != "http" or not route.writes or route.handler is None or _computes(route.handler):
                continue
            for name, subject, place in _open(route, route.handler):
                if place not in seen:
                    seen.add(place)
                    yield self.found(place, f"{name} may be negative", subject=subject, confidence=Confidence.MEDIUM)


def _computes(handler: Function) -> bool:
    """Whether what it takes is only computed with and answered: nothing is stored, and nobody outside is given it."""
    names = {a.arg for a in handler.parameters}
    given = (
        call
        for call in handler.calls()
        if call.target is None and not call.name.rpartition(".")[2][:1].isupper() and call.name not in _PLAIN
        for argument in (*call.positional, *call.node.keywords)
        if any(isinstance(n, ast.Name) and n.id in names for n in walk(argument))
    )
    return not effects(handler) and next(given, None) is None


def _open(route: Route, handler: Function) -> Iterator[tuple[str, str, Place]]:
    for parameter in route.parameters:
        if parameter.model is not None and parameter.source in {"body", "form"}:
            model = parameter.model
            if _OTHER.search(model.short):
                continue
            for field in model.fields:
                if not _NAME.match(field.name) or not _NUMBER.match(field.annotation) or field.has_bound(*_LOWER):
                    continue
                if not any(True for _ in model.validators(field.name)) and not _compared(handler, field.name):
                    yield field.name, f"{model.short}.{field.name}", field.place
        elif parameter.place is not None and _free(parameter) and not _compared(handler, parameter.name):
            yield parameter.name, f"{handler.short} {parameter.name}", parameter.place


def _free(parameter: Parameter) -> bool:
    """Whether a single input is an amount without a lower bound."""
    amount = _NAME.match(parameter.name) and _NUMBER.match(parameter.annotation)
    return bool(amount) and parameter.source in {"query", "body", "form"} and parameter.bound(*_LOWER) is None


def _compared(handler: Function, name: str) -> bool:
    """Whether the handler, or what it calls, compares the number with something."""
    for function in handler.reaches(2):
        for compare in function.nodes(ast.Compare):
            if any(isinstance(op, (ast.Lt, ast.LtE, ast.Gt, ast.GtE)) for op in compare.ops) and re.search(
                rf"\b{name}\b", written(compare)
            ):
                return True
    return False
