"""
## What it looks for
A request model that ordinary people send, with a field that gives power over the account (`is_admin`, `role`, `balance`,
`is_verified`, `hashed_password`), where the handler copies the model into a record.

## Why it matters
The client adds `"is_admin": true` to the body, and the server stores it.

## Bad
    from fastapi import FastAPI
    from pydantic import BaseModel

    class Registration(BaseModel):
        email: str
        password: str
        is_admin: bool = False

    app = FastAPI()
    users: list[dict[str, object]] = []

    @app.post("/register")
    def register(given: Registration) -> dict[str, bool]:
        users.append({**given.model_dump()})
        return {"ok": True}

## Good
    from fastapi import FastAPI
    from pydantic import BaseModel, Field

    class Registration(BaseModel):
        email: str
        password: str = Field(min_length=12)

    app = FastAPI()
    users: list[dict[str, object]] = []

    @app.post("/register")
    def register(given: Registration) -> dict[str, bool]:
        users.append({**given.model_dump(), "is_admin": False})
        return {"ok": True}

## How it is found
The body models of every route that asks for no role are read, inherited fields included. A field counts when the model
describes an account and the handler, or a function it calls, stores the model as a whole, copies this field, or loops
over all fields; a value that the code itself sets afterwards, or excludes, does not count.

## What it cannot see
Fields that a library stores by itself, and fields of accounts whose names say nothing.

## How to tell the checker
Declare the dependency that asks for a role under `roles` in `[tool.fastness.check]`, or
`# fastness: ignore[FN209] the reason` on the line of the field.

## References
OWASP API3:2023, ASVS 15.3.3 and 8.2.3, CWE-915
"""

from __future__ import annotations

from collections.abc import Iterator

from fastness.checker.evidence.classes import Field, Model
from fastness.checker.evidence.copying import Copies
from fastness.checker.evidence.model import Application, Route
from fastness.checker.evidence.privilege import POWER, about_account, administrative
from fastness.checker.finding import Confidence, Finding, Severity
from fastness.checker.rule import Rule


class PrivilegedFieldInRequest(Rule):
    """A client sets what only the server may set."""

    id, name, control, severity = "FN209", "privileged-field-in-request", "fields", Severity.HIGH
    owasp, asvs, cwe, guide = ("API3:2023",), ("15.3.3", "8.2.3"), (915,), (2, 4)
    why = "the client makes itself an administrator, verified or rich by adding one field to the body"
    fix = "take the field out of this model (keep a second model for administrators), or set it from the session"

    def inspect(self, application: Application) -> Iterator[Finding]:
        seen: set[tuple[str, int]] = set()
        for route in application.routes:
            for model, name in _models(route):
                for field in _privileged(model, route):
                    key = (field.place.path, field.place.line)
                    if key in seen or not self._copied(route, name, field):
                        continue
                    seen.add(key)
                    yield self.found(
                        field.place,
                        f"{route} stores {field.name} as the client sends it",
                        subject=f"{model.short}.{field.name}",
                        confidence=Confidence.HIGH,
                    )

    @staticmethod
    def _copied(route: Route, name: str, field: Field) -> bool:
        handler = route.handler
        return handler is not None and Copies(handler.project).stored(handler, name, field.name)


def _models(route: Route) -> Iterator[tuple[Model, str]]:
    """The body models of a route that ordinary people call."""
    if route.kind != "http" or not route.writes or route.guarded("role") or route.development or administrative(route):
        return
    for parameter in route.parameters:
        if parameter.source in {"body", "form"} and parameter.model is not None:
            yield parameter.model, parameter.name


def _privileged(model: Model, route: Route) -> list[Field]:
    if not about_account(model, route):
        return []
    return [f for f in model.fields if POWER.match(f.name) and not f.option("exclude").constant]
