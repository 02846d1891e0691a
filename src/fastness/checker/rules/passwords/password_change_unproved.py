"""
## What it looks for
A route that changes the caller's own password without asking for the current one.

## Why it matters
Whoever finds an open session, or a stolen token, makes it their own account for good.

## Bad
    import os
    import jwt
    from argon2 import PasswordHasher
    from fastapi import Depends, FastAPI, HTTPException
    from fastapi.security import OAuth2PasswordBearer
    from pydantic import BaseModel, Field
    from database import accounts

    app = FastAPI()
    bearer = OAuth2PasswordBearer(tokenUrl="token")
    hasher = PasswordHasher()

    class Change(BaseModel):
        new_password: str = Field(min_length=15)

    def caller(token: str = Depends(bearer)) -> str:
        try:
            return jwt.decode(token, os.environ["TOKEN_KEY"], algorithms=["HS256"])["sub"]
        except jwt.InvalidTokenError:
            raise HTTPException(401) from None

    @app.post("/me/password")
    async def change(given: Change, who: str = Depends(caller)) -> None:
        accounts[who].password_hash = hasher.hash(given.new_password)

## Good
    import os
    import jwt
    from argon2 import PasswordHasher
    from fastapi import Depends, FastAPI, HTTPException
    from fastapi.security import OAuth2PasswordBearer
    from pydantic import BaseModel, Field
    from database import accounts

    app = FastAPI()
    bearer = OAuth2PasswordBearer(tokenUrl="token")
    hasher = PasswordHasher()

    class Change(BaseModel):
        current_password: str
        new_password: str = Field(min_length=15)

    def caller(token: str = Depends(bearer)) -> str:
        try:
            return jwt.decode(token, os.environ["TOKEN_KEY"], algorithms=["HS256"])["sub"]
        except jwt.InvalidTokenError:
            raise HTTPException(401) from None

    @app.post("/me/password")
    async def change(given: Change, who: str = Depends(caller)) -> None:
        hasher.verify(accounts[who].password_hash, given.current_password)
        accounts[who].password_hash = hasher.hash(given.new_password)

## How it is found
Routes whose path or name is about a password and that take a new one are read with their inputs and deeds: a current
password, a token or code, a verification, a recent sign-in or a role of administrators counts.

## What it cannot see
A recent sign-in that another layer asks for.

## How to tell the checker
`# fastness: ignore[FN135] the reason` on the route.

## References
OWASP API2:2023, ASVS 6.2.3, CWE-620.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from fastness.checker.evidence.model import Application, Route
from fastness.checker.evidence.passwords import is_new, sets_password
from fastness.checker.evidence.purpose import purposes
from fastness.checker.finding import Confidence, Finding, Persona, Severity
from fastness.checker.rule import Rule

_ABOUT = re.compile(
    r"(change|update|set|edit|new)\w*_?pass|pass\w*_?(change|update)|/(me|profile|account|self|users?/me)\b.*pass|/(change-)?password/?$",
    re.IGNORECASE,
)
_RECENT = re.compile(r"recent|fresh|sudo|step_?up|reauth|(^|_)acr(_|$)", re.IGNORECASE)
_PROOF = re.compile(r"current|old|existing|token|code|otp|secret|key", re.IGNORECASE)
_VERIFIES = re.compile(
    r"verif|check_?pass|checkpw|authenticat|recent|sudo|reauth|step_?up|confirm|compare", re.IGNORECASE
)


class PasswordChangeUnproved(Rule):
    """A new password without the current one."""

    id, name, control, severity = "FN135", "password-change-unproved", "passwords", Severity.MEDIUM
    persona = Persona.PEDANTIC
    owasp, asvs, cwe, guide = ("API2:2023",), ("6.2.3",), (620,), (1,)
    why = "an open session or a stolen token becomes the account itself"
    fix = "ask for the current password, or for a sign-in a few minutes ago"

    def inspect(self, application: Application) -> Iterator[Finding]:
        for route in application.routes:
            if not sets_password(route) or not route.guarded("access") or route.guarded("role") or _proved(route):
                continue
            about = _ABOUT.search(f"{route.path} {route.name.rpartition('.')[2]}") is not None
            if about and not purposes(route) & {"register", "forgot", "verify"}:
                text = f"{route} changes the password without asking for the current one"
                yield self.found(route.place, text, route=route, confidence=Confidence.MEDIUM, subject=str(route))


def _proved(route: Route) -> bool:
    names = [p.name for p in route.parameters if p.source in {"body", "form", "query", "path"}]
    names += [f.name for p in route.parameters if p.model is not None for f in p.model.fields]
    if any(_PROOF.search(name) for name in names if not is_new(name)):
        return True
    if any(_RECENT.search(guard.how) for guard in route.guards) or any(
        _RECENT.search(d.short) for d in route.dependencies
    ):
        return True
    handler = route.handler
    if handler is None or handler.mentions("old_pass", "oldpass", "current_pass", "currentpass"):
        return True
    return any(_VERIFIES.search(call.name) for one in handler.reaches(2) for call in one.calls())
