"""
## What it looks for
A route that gives out a token without testing any credential.

## Why it matters
Whoever knows a name, or a number, gets a token for it.

## Bad
    import os
    from datetime import UTC, datetime, timedelta
    import jwt
    from fastapi import FastAPI

    app = FastAPI()

    @app.post("/token")
    async def token(username: str) -> dict[str, str]:
        ends = datetime.now(UTC) + timedelta(minutes=10)
        return {"access_token": jwt.encode({"sub": username, "exp": ends}, os.environ["TOKEN_KEY"])}

## Good
    import os
    from datetime import UTC, datetime, timedelta
    import jwt
    from argon2 import PasswordHasher
    from fastapi import Depends, FastAPI
    from fastapi.security import OAuth2PasswordRequestForm
    from fastness import limit

    app = FastAPI()
    hasher = PasswordHasher()
    hashes: dict[str, str] = {}

    @app.post("/token", dependencies=[limit("5/minute", by="address")])
    async def token(form: OAuth2PasswordRequestForm = Depends()) -> dict[str, str]:
        hasher.verify(hashes[form.username], form.password)
        ends = datetime.now(UTC) + timedelta(minutes=10)
        return {"access_token": jwt.encode({"sub": form.username, "exp": ends}, os.environ["TOKEN_KEY"])}

## How it is found
Routes without a guard that reach an `encode` of a token library are searched, with what they call, for anything that tests:
verifying, decoding, comparing what was sent, asking another service. Registration, refreshing and development routes are
left alone.

## What it cannot see
A test under a name that does not say so.

## How to tell the checker
`# fastness: ignore[FN113] the reason` on the route.

## References
OWASP API2:2023, ASVS 6.3.4, CWE-287.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from fastness.checker.evidence.effects import effects
from fastness.checker.evidence.functions import Function
from fastness.checker.evidence.jwts import encodings
from fastness.checker.evidence.model import Application, Route
from fastness.checker.evidence.purpose import purposes, takes_password
from fastness.checker.evidence.walking import walk
from fastness.checker.finding import Confidence, Finding, Severity
from fastness.checker.rule import Rule

_TESTS = re.compile(
    r"verif|check|authenticat|compare|validat|decode|loads|exchange|fetch_token|authoriz|introspect|hash|crypt|sign_?in|log_?in|confirm|consume"
    r"|otp|get_current|callback|userinfo|unsign|bind$|test|demo|allow",
    re.IGNORECASE,
)


class TokenForAnybody(Rule):
    """A token without a credential."""

    id, name, control, severity = "FN113", "token-for-anybody", "access", Severity.CRITICAL
    owasp, asvs, cwe, guide = ("API2:2023",), ("6.3.4",), (287,), (1,)
    why = "whoever knows a name gets a token for it"
    fix = "verify a password, a code or another credential before the token is made"

    def inspect(self, application: Application) -> Iterator[Finding]:
        for route in application.routes:
            handler = route.handler
            if handler is None or route.guards or route.development or route.kind != "http":
                continue
            if purposes(route) & {"register", "refresh", "oauth", "verify", "reset", "forgot", "webhook", "logout"}:
                continue
            if _gives_token(handler) and _asked_for_somebody(route) and not _tests(handler):
                yield self.found(
                    route.place,
                    f"{route} gives a token to whoever asks",
                    confidence=Confidence.MEDIUM,
                    route=route,
                    subject=str(route),
                )


def _gives_token(handler: Function) -> bool:
    made = {id(e.call.node) for e in handler.project.once(encodings)}
    return any(id(call.node) in made for one in handler.reaches(3) for call in one.calls())


def _asked_for_somebody(route: Route) -> bool:
    """Whether the caller says whose token it is."""
    return takes_password(route) or any(p.source in {"path", "query", "body", "form"} for p in route.parameters)


def _tests(handler: Function) -> bool:
    if "request" in effects(handler):
        return True
    names = {a.arg for a in handler.parameters}
    for one in handler.reaches(3):
        if any(_TESTS.search(call.name.rpartition(".")[2]) for call in one.calls()) or _TESTS.search(one.short):
            return True
        for compare in one.nodes(ast.Compare):
            touched = {n.id for n in walk(compare) if isinstance(n, ast.Name)} & (
                names | {a.arg for a in one.parameters}
            )
            absent = all(isinstance(op, (ast.Is, ast.IsNot)) for op in compare.ops)
            if touched and not absent:
                return True
    return False
