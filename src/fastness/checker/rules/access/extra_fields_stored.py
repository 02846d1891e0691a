"""
## What it looks for
A request model that lets unknown fields in (`extra="allow"`) and is stored as a whole.

## Why it matters
The client adds `is_admin`, `owner_id` or `price`; the model lets it through and the record takes it.

## Bad
    from fastapi import FastAPI
    from pydantic import BaseModel, ConfigDict, Field

    app = FastAPI()
    profiles: dict[str, dict[str, object]] = {}

    class Profile(BaseModel):
        model_config = ConfigDict(extra="allow")
        name: str = Field(max_length=100)

    @app.post("/token/profile")
    def save(given: Profile) -> None:
        profiles["me"] = {**given.model_dump()}

## Good
    from fastapi import FastAPI
    from pydantic import BaseModel, ConfigDict, Field

    app = FastAPI()

    class Profile(BaseModel):
        model_config = ConfigDict(extra="forbid")
        name: str = Field(max_length=100)

    @app.get("/token/profile")
    def show() -> Profile:
        return Profile(name="ada")

## How it is found
Body models with `extra="allow"`, by configuration or class statement, are followed in the handler to a record, a dict that is stored,
or a loop of `setattr`.

## What it cannot see
Records that refuse unknown columns by themselves.

## How to tell the checker
`# fastness: ignore[FN208] the reason` on the line of the decorator.

## References
OWASP API3:2023, ASVS 15.3.3, CWE-915
"""

from __future__ import annotations

from collections.abc import Iterator

from fastness.checker.evidence.copying import Copies
from fastness.checker.evidence.model import Application
from fastness.checker.finding import Confidence, Finding, Severity
from fastness.checker.rule import Rule

_UNKNOWN = "a field that nobody declared"


class ExtraFieldsStored(Rule):
    """Whatever the client adds is kept."""

    id, name, control, severity = "FN208", "extra-fields-stored", "fields", Severity.HIGH
    owasp, asvs, cwe, guide = ("API3:2023",), ("15.3.3",), (915,), (4,)
    why = "the client adds fields that only the server may set"
    fix = 'model_config = ConfigDict(extra="forbid")'

    def inspect(self, application: Application) -> Iterator[Finding]:
        for route in application.routes:
            handler = route.handler
            if handler is None or route.kind != "http" or not route.writes or route.guarded("role"):
                continue
            for parameter in route.parameters:
                model = parameter.model
                if parameter.source != "body" or model is None or model.config("extra").text != "allow":
                    continue
                if Copies(handler.project).stored(handler, parameter.name, _UNKNOWN):
                    yield self.found(
                        route.place,
                        f"{route} stores every field that the client adds to {model.short}",
                        route=route,
                        subject=f"{route.name} {model.short}",
                        confidence=Confidence.HIGH,
                    )
