"""
## What it looks for
A route for signing out that ends nothing on the server, in a program whose tokens carry everything themselves.

## Why it matters
The token works until its `exp`, for whoever has a copy, though its owner signed out.

## Bad
    import os
    from datetime import UTC, datetime, timedelta
    import jwt
    from fastapi import FastAPI, Response

    app = FastAPI()

    def access_token(user: str) -> str:
        return jwt.encode({"sub": user, "exp": datetime.now(UTC) + timedelta(hours=8)}, os.environ["TOKEN_KEY"])

    @app.post("/logout")
    async def logout(response: Response) -> None:
        response.delete_cookie("access_token")

## Good
    import os
    from datetime import UTC, datetime, timedelta
    import jwt
    from fastapi import FastAPI, Header
    from database import sessions

    app = FastAPI()

    def access_token(user: str) -> str:
        return jwt.encode({"sub": user, "exp": datetime.now(UTC) + timedelta(minutes=8)}, os.environ["TOKEN_KEY"])

    @app.post("/logout")
    async def logout(authorization: str = Header()) -> None:
        await sessions.revoke(authorization)

## How it is found
Routes for signing out are followed into what they call. Writing to a store, revoking, deleting or adding to a list counts.

## What it cannot see
An identity provider that ends the session.

## How to tell the checker
`# fastness: ignore[FN119] the reason` on the route.

## References
OWASP API2:2023, ASVS 7.4.1, CWE-613.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from fastness.checker.evidence.effects import effects
from fastness.checker.evidence.functions import Function
from fastness.checker.evidence.jwts import encodings
from fastness.checker.evidence.model import Application
from fastness.checker.evidence.purpose import purposes
from fastness.checker.finding import Confidence, Finding, Persona, Severity
from fastness.checker.rule import Rule

_ENDS = re.compile(
    r"revok|blacklist|deny_?list|block_?list|invalidat|destroy|delete(?!_cookie)|remove|expire|logout|sign_?out|end_session|set(ex)?$|add$|clear$|pop$|update|commit",
    re.IGNORECASE,
)


class TokenOutlivesLogout(Rule):
    """Signing out ends nothing."""

    id, name, control, severity = "FN119", "token-outlives-logout", "tokens", Severity.LOW
    persona = Persona.PEDANTIC
    owasp, asvs, cwe, guide = ("API2:2023",), ("7.4.1",), (613,), (1,)
    why = "a copied token works on after its owner signed out"
    fix = "keep a session on the server that the token names, and end it"

    def inspect(self, application: Application) -> Iterator[Finding]:
        for route in application.routes:
            handler = route.handler
            if handler is None or "logout" not in purposes(route) or not handler.project.once(encodings):
                continue
            if not effects(handler) and not _ends(handler):
                text = f"{route} ends nothing on the server"
                yield self.found(route.place, text, route=route, confidence=Confidence.MEDIUM, subject=str(route))


def _ends(handler: Function) -> bool:
    return any(_ENDS.search(call.name.rpartition(".")[2]) for one in handler.reaches(2) for call in one.calls())
