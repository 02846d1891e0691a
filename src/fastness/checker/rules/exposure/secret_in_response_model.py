"""
## What it looks for
A response model with a field that nobody outside may read: a password or its hash, a second factor's seed, a private key.
Models inside the model are looked at too.

## Why it matters
A hash is guessed offline, a seed or key opens the account at once; and every cache and log on the way keeps a copy.

## Bad
    from fastapi import FastAPI
    from pydantic import BaseModel

    class User(BaseModel):
        name: str
        hashed_password: str

    app = FastAPI()
    people = {"ada": User(name="ada", hashed_password="-")}

    @app.get("/public-profiles/{name}", response_model=User)
    def profile(name: str):
        return people[name]

## Good
    from fastapi import FastAPI
    from pydantic import BaseModel

    class User(BaseModel):
        name: str
        hashed_password: str

    class PublicUser(BaseModel):
        name: str

    app = FastAPI()
    people = {"ada": User(name="ada", hashed_password="-")}

    @app.get("/public-profiles/{name}", response_model=PublicUser)
    def profile(name: str):
        return people[name]

## How it is found
The `response_model` or the return annotation of every route is read with all models that it mentions, nested and
inherited fields included. Fields that are excluded, masked (`SecretStr`) or no text are left alone.

## What it cannot see
Secrets under names that do not say so, and fields that a serializer of the application's own empties.

## How to tell the checker
`# fastness: ignore[FN501] the reason` on the line of the decorator.

## References
OWASP API3:2023, ASVS 15.3.1, CWE-200
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from fastness.checker.evidence.classes import Field
from fastness.checker.evidence.functions import Function
from fastness.checker.evidence.model import Application, Route
from fastness.checker.evidence.records import SECRET
from fastness.checker.evidence.returned import excluded, fields_within, models_of
from fastness.checker.finding import Confidence, Finding, Severity
from fastness.checker.rule import Rule

_PASSWORD = re.compile(r"passw|pwd|pass_hash|pw_hash|salt|otp|mfa|2fa", re.IGNORECASE)
_TEXT = re.compile(r"\b(str|bytes|Any|Text|constr)\b")


class SecretInResponseModel(Rule):
    """A secret field leaves in an answer."""

    id, name, control, severity = "FN501", "secret-in-response-model", "fields", Severity.HIGH
    owasp, asvs, cwe, guide = ("API3:2023",), ("15.3.1",), (200, 213), (4,)
    why = "whoever may call the route collects hashes or keys and works on them at home"
    fix = "answer with a model of its own that lacks the field, or mark it Field(exclude=True)"

    def inspect(self, application: Application) -> Iterator[Finding]:
        for route in application.routes:
            found = _leak(route) if route.kind == "http" else None
            if found is not None:
                owner, field = found
                yield self.found(
                    route.place,
                    f"{route} answers with {owner}.{field.name}",
                    route=route,
                    subject=f"{route.name} {owner}.{field.name}",
                    confidence=Confidence.HIGH,
                )


def _echoes(route: Route, handler: Function) -> bool:
    """Whether a signed-in caller is answered with nothing but the body that the caller sent."""
    bodies = {p.name for p in route.parameters if p.source == "body"}
    changed = {name.partition(".")[0] for name in handler.scope.assigned}
    return bool(handler.returns) and all(
        isinstance(value, ast.Name) and value.id in bodies - changed for value in handler.returns
    )


def _leak(route: Route) -> tuple[str, Field] | None:
    handler = route.handler
    if handler is None or route.development or (route.guarded("access") and _echoes(route, handler)):
        return None
    left_out = excluded(route, handler.project)
    for model in models_of(route):
        for owner, field in fields_within(model, hidden=left_out):
            if not SECRET.search(field.name) or not _TEXT.search(field.annotation or "str"):
                continue
            if field.option("exclude").constant is True or "Secret" in field.annotation:
                continue
            # What a server makes once and shows once: a key at its creation, a code at its request.
            if not _PASSWORD.search(field.name) and (route.writes or route.guarded("role")):
                continue
            if any(v.decorated("field_serializer") for v in owner.methods):
                continue
            return owner.short, field
    return None
