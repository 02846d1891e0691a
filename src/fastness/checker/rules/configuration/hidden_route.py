"""
## What it looks for
A route left out of the documentation (`include_in_schema=False`) that changes or reads data and has no guard.

## Why it matters
Nobody looks at it when access is reviewed, and hiding protects nothing: paths are guessed and leak in bundles.

## Bad
    from fastapi import FastAPI

    app = FastAPI()
    stock: dict[str, int] = {"tea": 3}

    @app.get("/internal/stock", include_in_schema=False)
    def show() -> dict[str, int]:
        return dict(stock)

## Good
    from fastapi import FastAPI
    from starlette.responses import RedirectResponse

    app = FastAPI()

    @app.get("/old", include_in_schema=False)
    def old() -> RedirectResponse:
        return RedirectResponse("/docs")

## How it is found
Hidden routes without any guard are asked what they do: reads and changes of stores, files, processes and jobs count; redirects,
icons, pages and what is public by nature do not. An attack asks them as a stranger: it counts when the answer is JSON with a
list, or an object of more than a state.

## What it cannot see
Routes that a proxy keeps inside.

## How to tell the checker
`@public("reason")`, or the route under `public` in `[tool.fastness.check]`.

## References
OWASP API9:2023, ASVS 8.3.1, CWE-306
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from typing import Any

from fastness.checker.evidence.attacker import Attacker
from fastness.checker.evidence.effects import effects
from fastness.checker.evidence.exchange import Answer
from fastness.checker.evidence.model import Application, Route
from fastness.checker.evidence.purpose import PUBLIC_BY_NATURE, purposes
from fastness.checker.evidence.stored import reads
from fastness.checker.finding import Confidence, Finding, Persona, Severity
from fastness.checker.rule import Rule

_INSIDE = re.compile(
    r"internal|debug|admin|private|secret|hidden|backdoor|maintenance|dev(/|$)|test(/|$)|_", re.IGNORECASE
)
_PAGES = re.compile(r"HTML|Template|Redirect|File|Static", re.IGNORECASE)
_EXPECTED = re.compile(
    r"^/$|docs|redoc|openapi|swagger|favicon|robots|health|ready|live|ping|version|status|static|\.well-known|jwks|manifest",
    re.IGNORECASE,
)
_STATE = frozenset(
    {"status", "ok", "message", "msg", "detail", "version", "name", "title", "healthy", "docs", "success"}
)


class HiddenRoute(Rule):
    """Hidden, and open."""

    id, name, control, severity = "FN704", "hidden-route", "access", Severity.HIGH
    owasp, asvs, cwe, guide = ("API9:2023",), ("8.3.1",), (306, 912), (2, 10)
    why = "nobody reviews it, and everybody who guesses the path may call it"
    fix = "put the guard before it that its neighbours have, or remove it"

    def inspect(self, application: Application) -> Iterator[Finding]:
        for route in application.routes:
            # A hidden route that changes something is FN101's already.
            if not route.hidden or route.writes or not _open(route) or route.handler is None:
                continue
            if not reads(route.handler) and not effects(route.handler):
                continue
            inside = bool(_INSIDE.search(route.path))
            yield self.found(
                route.place,
                f"{route} is hidden from the documentation and open to everybody",
                route=route,
                subject=route.path,
                confidence=Confidence.HIGH if inside else Confidence.MEDIUM,
                persona=Persona.REGULAR if inside and route.placed else Persona.PEDANTIC,
            )

    async def attack(self, attacker: Attacker) -> AsyncIterator[Finding]:
        for route in attacker.routes:
            if not route.hidden or route.public is not None or route.kind != "http" or "GET" not in route.methods:
                continue
            if _EXPECTED.search(route.path) or route.guarded("access") or route.guarded("signature"):
                continue
            answer = await attacker.attempt(route, "GET")
            if answer.ok and _data(answer):
                text = f"{route} is in no document and answers strangers with data"
                yield self.found(
                    attacker.place(route),
                    text,
                    confidence=Confidence.PROVED,
                    route=route,
                    subject="hidden and open",
                    proof=attacker.proof(text, answer),
                )


def _data(answer: Answer) -> bool:
    """Whether the answer holds more than a state."""
    value: Any = answer.value
    if isinstance(value, list):
        return bool(value)
    return isinstance(value, dict) and bool(value.keys() - _STATE)


def _open(route: Route) -> bool:
    if route.kind != "http" or route.public is not None or route.development:
        return False
    if any(g.duty in {"access", "role", "signature"} for g in route.guards) or purposes(route) & PUBLIC_BY_NATURE:
        return False
    handler = route.handler
    if handler is None:
        return False
    words = " ".join(call.name for call in handler.calls())
    return not _PAGES.search(words)
