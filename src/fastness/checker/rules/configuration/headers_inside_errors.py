"""
## What it looks for
Security headers or CORS added by a middleware inside the error handling, so that a 500 leaves without them; CORS that is added
before other middleware, so that what those refuse leaves without it.

## Why it matters
The answers that an attacker provokes are just those without protection, and a browser reports a refusal as a CORS failure.

## Bad
    from fastapi import FastAPI, Request
    from fastapi.middleware.cors import CORSMiddleware

    app = FastAPI()
    app.add_middleware(CORSMiddleware, allow_origins=["https://app.example.com"])

    @app.middleware("http")
    async def limited(request: Request, call_next):
        return await call_next(request)

## Good
    from fastapi import FastAPI, Request
    from fastapi.middleware.cors import CORSMiddleware

    app = FastAPI()

    @app.middleware("http")
    async def limited(request: Request, call_next):
        return await call_next(request)

    app.add_middleware(CORSMiddleware, allow_origins=["https://app.example.com"])

## How it is found
The middleware of an application is read in the order of the code: what is added last stands outermost.

## What it cannot see
Order that is decided when the program runs.

## How to tell the checker
`# fastness: ignore[FN709] the reason` on the line of the call.

## References
OWASP API8:2023, ASVS 3.4.2 and 16.5.4, CWE-696
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from fastness.checker.evidence.model import Application, Middleware
from fastness.checker.finding import Confidence, Finding, Persona, Severity
from fastness.checker.rule import Rule

_HEADERS = re.compile(r"secur\w*headers?|secure|headers?(middleware)?$|helmet|add_\w*headers", re.IGNORECASE)
_QUIET = re.compile(
    r"GZip|Brotli|TrustedHost|HTTPSRedirect|ProxyHeaders|Sentry|Correlation|RequestI[dD]|Prometheus|Telemetry|Log|Timing|Metrics",
    re.IGNORECASE,
)


class HeadersInsideErrors(Rule):
    """Protection that errors slip past."""

    id, name, control, severity = "FN709", "headers-inside-errors", "headers", Severity.LOW
    persona = Persona.PEDANTIC
    owasp, asvs, cwe, guide = ("API8:2023",), ("3.4.2", "16.5.4"), (696,), (6, 8)
    why = "refusals and errors leave without CORS or security headers"
    fix = "add CORS and headers last (outermost), or wrap the whole application: Headers(app)"

    def inspect(self, application: Application) -> Iterator[Finding]:
        here = (m for m in application.middleware if m.place.path == application.place.path)
        order = sorted(here, key=lambda m: m.place.line)
        for at, one in enumerate(order):
            outer = [m for m in order[at + 1 :] if not _QUIET.search(m.name.rpartition(".")[2])]
            cors = one.name.endswith("CORSMiddleware")
            if cors and outer:
                yield self._found(
                    one,
                    f"what {outer[-1].name.rpartition('.')[2]} refuses leaves without CORS headers",
                    Persona.PEDANTIC,
                )
            elif _HEADERS.search(one.name.rpartition(".")[2]) and not cors:
                yield self._found(one, "an answer to an unexpected error leaves without these headers", Persona.AUDITOR)

    def _found(self, one: Middleware, text: str, persona: Persona) -> Finding:
        return self.found(one.place, text, subject=one.name, confidence=Confidence.MEDIUM, persona=persona)
