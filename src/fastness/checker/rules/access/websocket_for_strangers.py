"""
## What it looks for
A WebSocket route that accepts everybody and never looks at a credential.

## Why it matters
A handshake carries cookies from every page and no CORS check: whoever opens the socket talks to the application.

## Bad
    from fastapi import FastAPI, WebSocket

    app = FastAPI()

    @app.websocket("/live")
    async def live(socket: WebSocket) -> None:
        await socket.accept()
        async for text in socket.iter_text():
            await socket.send_text(text)

## Good
    import os
    import jwt
    from fastapi import FastAPI, WebSocket

    app = FastAPI()

    @app.websocket("/live")
    async def live(socket: WebSocket) -> None:
        try:
            jwt.decode(socket.cookies["session"], os.environ["TOKEN_KEY"], algorithms=["HS256"])
        except (KeyError, jwt.InvalidTokenError):
            await socket.close(1008)
            return
        await socket.accept()
        async for text in socket.iter_text():
            await socket.send_text(text)

## How it is found
The route's dependencies, its handler and the functions that it calls are asked for a credential (header, cookie, query,
first message) that is tested before data flows.

## What it cannot see
Tickets that another service tests.

## How to tell the checker
`@public("reason")`, or the route under `public` in `[tool.fastness.check]`.

## References
OWASP API2:2023, ASVS 4.4.3 and 8.3.1, CWE-306
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from fastness.checker.evidence.functions import Function
from fastness.checker.evidence.model import Application, Route
from fastness.checker.finding import Confidence, Finding, Persona, Severity
from fastness.checker.rule import Rule

_TESTS = re.compile(
    r"auth|verif|token|credential|jwt|get_\w*user|check_\w*(user|access|perm)|permission|session_?id|ticket|api_?key",
    re.IGNORECASE,
)


class WebsocketForStrangers(Rule):
    """A socket without a credential test."""

    id, name, control, severity = "FN103", "websocket-for-strangers", "websockets", Severity.HIGH
    owasp, asvs, cwe, guide = ("API2:2023",), ("4.4.3", "8.3.1"), (306, 1385), (2,)
    why = "anybody, and any page that a user visits, opens the socket and reads or sends"
    fix = "verify a token or the session before accept(), and close with 1008"

    def inspect(self, application: Application) -> Iterator[Finding]:
        for route in application.routes:
            if route.kind != "websocket" or route.handler is None or route.public is not None or route.development:
                continue
            if any(g.duty in {"access", "role", "signature"} for g in route.guards) or _tests(route.handler, route):
                continue
            yield self.found(
                route.place,
                f"{route} accepts everybody",
                route=route,
                subject=route.name,
                confidence=Confidence.HIGH if route.placed else Confidence.LOW,
                persona=Persona.REGULAR if route.placed and not _names_thing(route) else Persona.PEDANTIC,
            )


def _names_thing(route: Route) -> bool:
    """Whether the path holds the id of one thing, which only those know who were given it; not the caller's own id."""
    return any(
        p.source == "path"
        and p.annotation not in {"int", "float"}
        and re.search(r"(_id|uuid|hash|_key|_token)$", p.name, re.IGNORECASE)
        and not re.match(r"client|user|member|player|device|account|room|channel", p.name, re.IGNORECASE)
        for p in route.parameters
    )


def _tests(handler: Function, route: Route) -> bool:
    """Whether a function it runs is about credentials, or an input of the route is one that somebody reads."""
    if any(_TESTS.search(call.name.rpartition(".")[2]) for one in handler.reaches(2) for call in one.calls()):
        return True
    if any(_TESTS.search(function.name) for function in route.dependencies):
        return True
    return any(
        _TESTS.search(p.name) and handler.mentions(p.name.lower()) and p.source != "path" for p in route.parameters
    )
