"""
## What it looks for
An application without a handler for the exceptions that nobody expected.

## Why it matters
Starlette answers a bare "Internal Server Error" outside all middleware: without security headers, without CORS, in another shape than
every other error, and each library's own handler may say more.

## Bad
    from fastapi import FastAPI

    app = FastAPI()

    @app.get("/")
    def index() -> str:
        return "hello"

## Good
    from fastapi import FastAPI, Request
    from fastapi.responses import JSONResponse

    app = FastAPI()

    @app.exception_handler(Exception)
    async def broken(request: Request, error: Exception) -> JSONResponse:
        return JSONResponse({"detail": "Something went wrong."}, status_code=500)

    @app.get("/")
    def index() -> str:
        return "hello"

## How it is found
The handlers of each application are listed; `Exception`, 500, a middleware of the project that catches everything, and `secure(app)`
count.

## What it cannot see
Handlers that another package registers when the program runs.

## How to tell the checker
`ignore = ["FN506"]` in `[tool.fastness.check]`.

## References
OWASP API8:2023, ASVS 16.5.4, CWE-755
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from fastness.checker.evidence.model import Application
from fastness.checker.finding import Confidence, Finding, Persona, Severity
from fastness.checker.rule import Rule

_CATCHES = re.compile(r"error|exception|problem|catch|sentry", re.IGNORECASE)
_EVERYTHING = frozenset({"Exception", "500", "BaseException", "HTTP_500_INTERNAL_SERVER_ERROR"})


class NoLastResort(Rule):
    """Nobody answers for what nobody expected."""

    id, name, control, severity = "FN506", "no-last-resort", "problems", Severity.LOW
    persona = Persona.PEDANTIC
    owasp, asvs, cwe, guide = ("API8:2023",), ("16.5.4",), (755,), (8,)
    why = "unexpected errors leave in another shape, without headers and without a note in the log"
    fix = "register a handler for Exception that logs and answers a fixed text, or use secure(app)"

    def inspect(self, application: Application) -> Iterator[Finding]:
        if application.parent is not None or "problems" in application.controls or not application.routes:
            return
        if any(name.rpartition(".")[2] in _EVERYTHING for name in application.handlers):
            return
        if any(_CATCHES.search(one.name) for one in application.middleware):
            return
        yield self.found(
            application.place,
            f"{application.name} has no handler for unexpected exceptions",
            subject=application.name,
            confidence=Confidence.MEDIUM,
        )
