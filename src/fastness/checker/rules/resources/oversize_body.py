"""
## What it looks for
An application that reads a body of 32 MB into memory where small JSON is expected.

## Why it matters
A handful of such requests at once fills the memory of the server, and every other visitor waits.

## Bad
    from fastapi import FastAPI
    from pydantic import BaseModel

    app = FastAPI()

    class Note(BaseModel):
        text: str

    @app.post("/notes")
    async def write(given: Note) -> None: ...

## Good
    from fastapi import FastAPI
    from fastness.controls.body import Body
    from pydantic import BaseModel

    app = FastAPI()
    app.add_middleware(Body)

    class Note(BaseModel):
        text: str

    @app.post("/notes")
    async def write(given: Note) -> None: ...

## How it is found
One route with a JSON body is sent 32 MB of blanks, with a Content-Length and without one. It counts when the application
took all of it. A server or proxy in front may refuse it earlier; it is not asked here.

## What it cannot see
Limits of a gateway.

## How to tell the checker
`gateway = ["body"]` in `[tool.fastness.check]`, where a proxy refuses large bodies.

## References
OWASP API4:2023, ASVS 5.2.1, CWE-770
"""

from __future__ import annotations

from collections.abc import AsyncIterator

from fastness.checker.evidence.attacker import Attacker
from fastness.checker.evidence.model import Route
from fastness.checker.finding import Confidence, Finding, Severity
from fastness.checker.rule import Rule

_BLANKS = b" " * 1024
_TIMES = 32 * 1024
_ALL = len(_BLANKS) * _TIMES


class OversizeBody(Rule):
    """A body of any size is read."""

    id, name, control, severity = "FN407", "oversize-body", "body", Severity.MEDIUM
    owasp, asvs, cwe = ("API4:2023",), ("5.2.1",), (770,)
    why = "a few large requests at once fill the memory of the server"
    fix = "limit bodies: secure(app), FastAPI(max_body_size=...) from 0.164, or the proxy in front"

    async def attack(self, attacker: Attacker) -> AsyncIterator[Finding]:
        route = self._route(attacker)
        if route is None or not attacker.writes or "body" in attacker.gateway:
            return
        method = next(iter(sorted(route.methods & {"POST", "PUT", "PATCH"})))
        who = attacker.identities[0] if attacker.identities else None
        path = attacker.request(route, method).path
        for how, headers in (
            ("", {"content-type": "application/json"}),
            (" without Content-Length", {"content-type": "application/json", "transfer-encoding": "chunked"}),
        ):
            answer = await attacker.send(method, path, headers=headers, body=_BLANKS, repeat=_TIMES, by=who, seconds=20)
            if answer.taken >= _ALL and answer.status not in {0, 413}:
                text = f"the application reads a body of {_ALL >> 20} MB{how} ({route})"
                yield self.found(
                    attacker.application.place,
                    text,
                    confidence=Confidence.PROVED,
                    subject="oversize body",
                    proof=attacker.proof(text, answer),
                )
                return

    def _route(self, attacker: Attacker) -> Route | None:
        """A route with a JSON body, the open ones first: a refusal for want of credentials says nothing of sizes."""
        found = []
        for route in attacker.routes:
            for method in sorted(route.methods & {"POST", "PUT", "PATCH"}):
                operation = attacker.operation(route, method)
                if operation is not None and operation.content is not None and "json" in operation.content[0]:
                    found.append((bool(operation.schemes) and not attacker.identities, route))
        return next((route for _, route in sorted(found, key=lambda each: each[0])), None)
