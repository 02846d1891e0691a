"""
## What it looks for
An answer that lets a page of any origin, of `null`, or of a look-alike of an allowed origin read it with credentials.

## Why it matters
Any page that a visitor opens reads their data with their own cookies.

## Bad
    from fastapi import FastAPI
    from fastapi.middleware.cors import CORSMiddleware

    app = FastAPI()
    app.add_middleware(CORSMiddleware, allow_origins=["*"], allow_credentials=True)

    @app.get("/")
    async def home() -> str:
        return "hello"

## Good
    from fastapi import FastAPI
    from fastapi.middleware.cors import CORSMiddleware

    app = FastAPI()
    app.add_middleware(CORSMiddleware, allow_origins=["https://app.example.com"], allow_credentials=True)

    @app.get("/")
    async def home() -> str:
        return "hello"

## How it is found
The application is asked, and asked before (preflight), by a foreign origin, by `null`, and for each allowed origin by ones
that begin or end like it. It counts when the answer names that origin and allows credentials; `*` without credentials is a
public answer and no finding.

## What it cannot see
Origins that only a setting of production allows.

## How to tell the checker
Ignore the finding at the middleware with a comment.

## References
OWASP API8:2023, ASVS 3.4.2, CWE-942
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

from fastness.checker.evidence.attacker import Attacker
from fastness.checker.finding import Confidence, Finding, Place, Severity
from fastness.checker.rule import Rule

_EVIL = "https://evil.example"


class ForeignOrigin(Rule):
    """A stranger's page reads answers with the visitor's credentials."""

    id, name, control, severity = "FN602", "foreign-origin-reflected", "cors", Severity.HIGH
    owasp, asvs, cwe, guide = ("API8:2023",), ("3.4.2",), (942,), (5,)
    why = "any page that a visitor opens reads their data with their cookies"
    fix = 'allow_origins=["https://app.example.com"], a list of whole origins'

    async def attack(self, attacker: Attacker) -> AsyncIterator[Finding]:
        if "cors" in attacker.gateway:
            return
        middleware = next((m for m in attacker.application.middleware if "CORS" in m.name.rpartition(".")[2]), None)
        options = dict(middleware.options) if middleware is not None else {}
        allowed = options.get("allow_origins")
        place = middleware.place if middleware is not None and middleware.place.path else attacker.application.place
        for what, origin in (
            ("any origin", _EVIL),
            ("the origin null", "null"),
            *_look_alikes([o for o in allowed if isinstance(o, str)] if isinstance(allowed, list) else []),
        ):
            finding = await self._ask(attacker, what, origin, place)
            if finding is not None:
                yield finding
                if origin == _EVIL:
                    return

    async def _ask(self, attacker: Attacker, what: str, origin: str, place: Place) -> Finding | None:
        path = next((r.path for r in attacker.routes if "GET" in r.methods and "{" not in r.path), "/")
        preflight = {"origin": origin, "access-control-request-method": "GET"}
        for method, headers in (("GET", {"origin": origin, "cookie": "a=b"}), ("OPTIONS", preflight)):
            answer = await attacker.send(method, path, headers=headers)
            if answer.allows(origin, credentials=True):
                text = f"{what} ({origin}) may read answers with credentials"
                return self.found(
                    place,
                    text,
                    confidence=Confidence.PROVED,
                    subject=what,
                    proof=attacker.proof(text, answer),
                )
        return None


def _look_alikes(allowed: list[str]) -> Iterator[tuple[str, str]]:
    for origin in allowed[:5]:
        scheme, _, host = origin.partition("://")
        if "*" in origin or "." not in host:
            continue
        yield "an origin that begins like an allowed one", f"{origin}.evil.example"
        yield "an origin that ends like an allowed one", f"{scheme}://evil{host}"
        yield "an origin with a dot replaced", f"{scheme}://{host.replace('.', 'x', 1)}"
        yield "a piece of an allowed origin", origin[:-1]
