"""
## What it looks for
Routes that take a password or token in a model, in an application that keeps FastAPI's answer to invalid input.

## Why it matters
The default 422 repeats the input: a password that is too short, or the whole body with a valid password when another field is missing.
It ends up in the browser's console, in error trackers and in logs of proxies.

## Bad
    from fastapi import FastAPI
    from pydantic import BaseModel, Field

    app = FastAPI()

    class Login(BaseModel):
        email: str = Field(max_length=200)
        password: str = Field(max_length=200)

    @app.post("/checks/password")
    def strength(given: Login) -> int:
        return len(given.password)

## Good
    from fastapi import FastAPI, Request
    from fastapi.exceptions import RequestValidationError
    from fastapi.responses import JSONResponse
    from pydantic import BaseModel, Field

    app = FastAPI()

    class Login(BaseModel):
        email: str = Field(max_length=200)
        password: str = Field(max_length=200)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        told = [{"loc": one["loc"], "type": one["type"]} for one in error.errors()]
        return JSONResponse({"detail": told}, status_code=422)

    @app.post("/checks/password")
    def strength(given: Login) -> int:
        return len(given.password)

## How it is found
Applications without a handler for `RequestValidationError` are asked for body models with a password or token; one finding for an
application, for pedantic readers. A handler that reads `error.body` is a finding for everybody. An attack sends those routes a secret,
with another field missing and with a value of the wrong type beside it: it counts when the answer holds what was sent.

## What it cannot see
Fields with other names, and proxies that rewrite answers.

## How to tell the checker
`ignore = ["FN507"]` in `[tool.fastness.check]`.

## References
OWASP API3:2023, ASVS 16.5.1, CWE-209
"""

from __future__ import annotations

import ast
import re
from collections.abc import AsyncIterator, Iterator
from typing import Any

from fastness.checker.evidence.attacker import Attacker
from fastness.checker.evidence.model import Application, Route
from fastness.checker.evidence.operations import Operation
from fastness.checker.evidence.project import Project
from fastness.checker.evidence.written import written
from fastness.checker.finding import Confidence, Finding, Persona, Severity
from fastness.checker.rule import Rule

_SECRET = re.compile(
    r"(^|_)(passw\w*|pwd|passphrase|secret|api_?key|token|card_number|cvv|ssn)$",
    re.IGNORECASE,
)
_MARK = "Canary-Horse-93-Battery"


class PasswordInValidationError(Rule):
    """A refusal that repeats the password."""

    id, name, control, severity = "FN507", "password-in-validation-error", "problems", Severity.MEDIUM
    owasp, asvs, cwe, guide = ("API3:2023",), ("16.5.1",), (209,), (3, 8, 9)
    why = "passwords come back in answers, and from there into trackers and logs"
    fix = "answer RequestValidationError with loc and type alone, never with input"

    def inspect(self, application: Application) -> Iterator[Finding]:
        if application.parent is not None or "problems" in application.controls:
            return
        if any(name.endswith("ValidationError") or name == "422" for name in application.handlers):
            return
        asked = next((found for route in application.routes if (found := _secret(route))), None)
        if asked:
            yield self.found(
                application.place,
                f"invalid input to {asked[0]} is answered with its {asked[1]}",
                subject=application.name,
                confidence=Confidence.HIGH,
                persona=Persona.PEDANTIC,  # nearly every application with a sign-in does it until someone looks
            )

    def read(self, project: Project) -> Iterator[Finding]:
        for scope, node in project.nodes(ast.Attribute):
            if node.attr != "body" or scope.kind != "function" or not isinstance(node.value, ast.Name):
                continue
            arg = scope.parameter(node.value.id)
            if arg is not None and arg.annotation is not None and "ValidationError" in written(arg.annotation):
                yield self.found(
                    project.place(scope, node),
                    "the refused body is sent back",
                    subject=f"{scope.name} body",
                    confidence=Confidence.MEDIUM,
                )

    async def attack(self, attacker: Attacker) -> AsyncIterator[Finding]:
        if not attacker.writes:
            return
        for route, method, operation in _secret_routes(attacker):
            for body in _bodies(operation):
                answer = await attacker.send(method, attacker.request(route, method).path, json=body)
                if _MARK in answer.text and 400 <= answer.status < 500:  # noqa: PLR2004 - the class of bad requests
                    text = f"the answer to bad input repeats the secret that was sent ({route})"
                    attacker.secrets.add(_MARK)
                    yield self.found(
                        attacker.application.place,
                        text,
                        confidence=Confidence.PROVED,
                        subject="echoed secret",
                        proof=attacker.proof(text, answer),
                    )
                    return


def _secret(route: Route) -> tuple[str, str] | None:
    for parameter in route.parameters:
        if parameter.source in {"body", "form"} and parameter.model is not None:
            for field in parameter.model.fields:
                if _SECRET.search(field.name):
                    return str(route), field.name
    return None


def _secret_routes(attacker: Attacker) -> Iterator[tuple[Route, str, Operation]]:
    for route in attacker.routes:
        for method in sorted(route.methods & {"POST", "PUT", "PATCH"}):
            operation = attacker.operation(route, method)
            if operation is None or operation.content is None or "json" not in operation.content[0]:
                continue
            if any(_SECRET.search(name) for name in operation.fields):
                yield route, method, operation


def _bodies(operation: Operation) -> Iterator[dict[str, Any]]:
    secrets = {name: _MARK for name in operation.fields if _SECRET.search(name)}
    yield secrets  # every other field is missing
    others = {name: {"wrong": "type"} for name in operation.fields if name not in secrets}
    yield {**secrets, **others}
    yield {name: [_MARK] for name in secrets}
