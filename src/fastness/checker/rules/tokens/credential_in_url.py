"""
## What it looks for
Passwords, API keys and access tokens that are read from the query of the address.

## Why it matters
Addresses are written into logs, histories, bookmarks and `Referer` headers, on every machine on the way.

## Bad
    from fastapi import Depends, FastAPI
    from fastapi.security import APIKeyQuery

    app = FastAPI()
    key = APIKeyQuery(name="api_key")

    @app.get("/reports")
    async def reports(given: str = Depends(key)) -> list[str]:
        return ["turnover"] if given in KEYS else []

    KEYS = {"from the database"}

## Good
    import hmac
    import os
    from fastapi import Depends, FastAPI, HTTPException
    from fastapi.security import APIKeyHeader

    app = FastAPI()
    key = APIKeyHeader(name="x-api-key")

    def machine(given: str = Depends(key)) -> None:
        if not hmac.compare_digest(given.encode(), os.environ["REPORT_KEY"].encode()):
            raise HTTPException(401)

    @app.get("/reports", dependencies=[Depends(machine)])
    async def reports() -> list[str]:
        return ["turnover"]

## How it is found
Query parameters of routes and dependencies, `APIKeyQuery` and `query_params` are judged by name. Links that work once
(confirming, resetting, invitations), downloads and callbacks are left alone; WebSockets, where browsers leave no other way,
are told to pedantic readers.

## What it cannot see
Credentials under other names.

## How to tell the checker
`# fastness: ignore[FN118] the reason` on the line.

## References
OWASP API2:2023, ASVS 14.2.1, CWE-598.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from fastness.checker.evidence.functions import Call
from fastness.checker.evidence.jwts import verifies
from fastness.checker.evidence.model import Application, Parameter, Route
from fastness.checker.evidence.project import Project
from fastness.checker.evidence.purpose import purposes
from fastness.checker.finding import Finding, Persona, Place, Severity
from fastness.checker.rule import Rule

_SURE = re.compile(
    r"^(access_?token|auth_?token|api_?key|apikey|jwt|user_?password|password|passwd|pwd|new_?password|refresh_?token|bearer_?token|x_api_key|secret_?key)$",
    re.IGNORECASE,
)
_MAYBE = re.compile(r"^(token|key|session_?id|sid)$", re.IGNORECASE)
_ONCE = re.compile(
    r"confirm|verif|reset|activat|unsubscribe|invit|download|share|preview|callback|stream|event|sse|avatar|image|file|media|export|feed|rss|ical|calendar"
    r"|magic|oauth|sso|embed|public|webhook|hook|attachment|thumbnail|video|audio|hls|join|accept",
    re.IGNORECASE,
)


class CredentialInUrl(Rule):
    """A credential in the address."""

    id, name, control, severity = "FN118", "credential-in-url", "tokens", Severity.MEDIUM
    owasp, asvs, cwe, guide = ("API2:2023",), ("14.2.1",), (598,), (1,)
    why = "addresses end in logs, histories and Referer headers"
    fix = "take it from the Authorization header, a cookie or the body"

    def inspect(self, application: Application) -> Iterator[Finding]:
        told: set[Place] = set()
        for route in application.routes:
            for parameter in route.parameters:
                place = parameter.place or route.place
                if parameter.source == "query" and place not in told and _is_credential(route, parameter):
                    told.add(place)
                    yield self.found(
                        place,
                        f"{route} takes {parameter.name} from the address",
                        persona=Persona.PEDANTIC if route.kind == "websocket" else Persona.REGULAR,
                        route=route,
                        subject=f"{route} {parameter.name}",
                    )

    def read(self, project: Project) -> Iterator[Finding]:
        for call in project.calls("APIKeyQuery"):
            if "fastapi" in call.name or call.is_a("APIKeyQuery"):
                yield self.found(
                    call.place, "an API key is read from the address", subject=f"{call.scope.short} APIKeyQuery"
                )
        for call in project.calls("get"):
            receiver = project.code(call.scope, call.receiver) if call.receiver is not None else ""
            if receiver.endswith("query_params") and _SURE.search(call.value("key", 0).text) and not _once(call):
                socket = re.search(r"websocket|\bws\b", receiver) is not None
                yield self.found(
                    call.place,
                    f"{call.value('key', 0).text} is read from the address",
                    persona=Persona.PEDANTIC if socket else Persona.REGULAR,
                    subject=f"{call.scope.short} {call.value('key', 0).text}",
                )


def _is_credential(route: Route, parameter: Parameter) -> bool:
    if "password" in parameter.name.lower() and _SURE.search(parameter.name):
        return True
    handler = route.handler
    if _ONCE.search(f"{route.path} {route.name}") or purposes(route) & {
        "verify",
        "reset",
        "forgot",
        "oauth",
        "webhook",
    }:
        return False
    if _SURE.search(parameter.name):
        return True
    return _MAYBE.search(parameter.name) is not None and handler is not None and verifies(handler)


def _once(call: Call) -> bool:
    return _ONCE.search(call.scope.name) is not None
