"""
## What it looks for
A body model whose texts or lists have no maximum, in an application that limits no body.

## Why it matters
A text of a hundred megabytes is read, validated, stored and shown.

## Bad
    from fastapi import FastAPI
    from pydantic import BaseModel

    app = FastAPI()

    class Question(BaseModel):
        text: str

    @app.post("/ask")
    def ask(question: Question) -> int:
        return len(question.text)

## Good
    from fastapi import FastAPI
    from pydantic import BaseModel, Field

    app = FastAPI()

    class Question(BaseModel):
        text: str = Field(max_length=2000)

    @app.post("/ask")
    def ask(question: Question) -> int:
        return len(question.text)

## How it is found
Each model that a route takes as its body, once, with the number of its `str`, `bytes`, `list` and `dict` fields without
`max_length`. Nothing is said where a middleware, `max_body_size` or a proxy in the folder limits all bodies.

## What it cannot see
A gateway whose configuration lies elsewhere.

## How to tell the checker
`# fastness: ignore[FN402] the reason` on the model, or `gateway = {body = "the ingress allows 1 MB"}`.

## References
OWASP API4:2023, ASVS 2.2.1, CWE-770.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from fastness.checker.evidence.classes import Field, Model
from fastness.checker.evidence.model import Application
from fastness.checker.evidence.uploads import limited
from fastness.checker.finding import Confidence, Finding, Persona, Severity
from fastness.checker.rule import Rule

_GROWS = re.compile(r"^(str|bytes|list|List|dict|Dict|set|Set|Sequence|tuple)\b")


class UnboundedBodyField(Rule):
    """Body fields of any length."""

    id, name, control, severity = "FN402", "unbounded-body-field", "body", Severity.LOW
    persona = Persona.PEDANTIC
    owasp, asvs, cwe, guide = ("API4:2023",), ("2.2.1",), (770,), (3,)
    why = "one request can be as large as the memory"
    fix = "bound the fields: text: str = Field(max_length=2000), and limit all bodies"

    def inspect(self, application: Application) -> Iterator[Finding]:
        seen: set[str] = set()
        for route in application.routes:
            if route.handler is None or limited(application, route.handler.project):
                continue
            for parameter in route.parameters:
                model = parameter.model
                if model is None or parameter.source != "body" or model.name in seen:
                    continue
                seen.add(model.name)
                names = [f.name for f in model.fields if _open(model, f)]
                if names:
                    yield self.found(
                        model.place,
                        f"{', '.join(names)[:80]} may be of any length",
                        subject=model.short,
                        confidence=Confidence.MEDIUM,
                    )


def _open(model: Model, field: Field) -> bool:
    bounded = field.has_bound("max_length", "max_items", "pattern", "regex")
    return bool(_GROWS.match(field.annotation)) and not bounded and not any(True for _ in model.validators(field.name))
