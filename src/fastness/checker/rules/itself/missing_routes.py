"""
## What it looks for
An application without a single route, or with fewer routes than it registers.

## Why it matters
A checker that sees no route finds no problem. "Nothing found" must not look like "nothing wrong".

## Bad
    from fastapi import FastAPI

    app = FastAPI()

## Good
    from fastapi import FastAPI

    app = FastAPI()


    @app.get("/health")
    def health() -> str:
        return "ok"

## How it is found
The routes of each application are compared with the number that it registers by count, and those of the source with
those of the loaded application. Routes of the source that are not loaded are named for careful readers alone: an
application often mounts some in development only.

## What it cannot see
Routes that are registered by code that was not read and never loaded.

## How to tell the checker
Load the application: `fastness check module:app`.

## References
A run that saw no route at all ends with exit code 3. OWASP API9:2023.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from fastness.checker.finding import Confidence, Finding, Persona, Severity
from fastness.checker.rule import Rule

if TYPE_CHECKING:
    from fastness.checker.evidence.model import Application


class MissingRoutes(Rule):
    """One finding an application."""

    id, name, control, severity = "FN903", "missing-routes", "access", Severity.HIGH
    owasp = ("API9:2023",)
    why = "a route that was not seen was not checked"
    fix = "load the application: fastness check module:app"

    def of(self, application: Application) -> Iterator[Finding]:
        """What the source declares and the loaded application lacks, or that it has no route at all."""
        if not application.routes:
            yield from self.inspect(application)
            return
        absent = [route for route in application.routes if "loaded" not in route.seen]
        if absent:
            total = len(application.routes)
            yield self.found(
                absent[0].place,
                f"{len(absent)} of {total} routes of the source are not in the loaded application, {absent[0]} first",
                confidence=Confidence.MEDIUM,
                severity=Severity.LOW,
                persona=Persona.PEDANTIC,
                subject="not loaded",
            )

    def inspect(self, application: Application) -> Iterator[Finding]:
        """Lens 2."""
        seen = len(application.routes)
        if not application.routes:
            # Where this is the only application the whole run ends with 3, whoever reads.
            yield self.found(
                application.place, f"no route of {application.name} was seen", subject="none", persona=Persona.PEDANTIC
            )
        elif seen < application.total:
            yield self.found(
                application.place,
                f"{seen} of {application.total} routes of {application.name} were seen",
                subject="some",
            )
