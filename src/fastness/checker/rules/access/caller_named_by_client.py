"""
## What it looks for
The acting user's id taken from the body, the query or the path, where the route does not know who is really asking.

## Why it matters
The client writes another id and acts as that person.

## Bad
    from fastapi import FastAPI
    from pydantic import BaseModel

    app = FastAPI()
    transfers: list[dict[str, int]] = []

    class Transfer(BaseModel):
        user_id: int
        amount: int

    @app.post("/transfers")
    def transfer(given: Transfer) -> None:
        transfers.append({"user_id": given.user_id, "amount": given.amount})

## Good
    import os
    import jwt
    from fastapi import Depends, FastAPI, HTTPException
    from fastapi.security import OAuth2PasswordBearer

    from pydantic import BaseModel, Field

    app = FastAPI()
    bearer = OAuth2PasswordBearer(tokenUrl="token")

    def current_user(token: str = Depends(bearer)) -> dict:
        return jwt.decode(token, os.environ["TOKEN_KEY"], algorithms=["HS256"])

    transfers: list[dict] = []

    class Transfer(BaseModel):
        amount: int = Field(gt=0)

    @app.post("/transfers")
    def transfer(given: Transfer, user: dict = Depends(current_user)) -> None:
        transfers.append({"by": user["sub"], "amount": given.amount})

## How it is found
Routes that change data are asked for an input that names a user (`user_id`, `owner_id`, `author`, ...). It counts where the route has a
guard and the caller is never compared with it, or where there is no guard at all and the value is stored.

## What it cannot see
Names of people under other words.

## How to tell the checker
`# fastness: ignore[FN206] the reason` on the line of the decorator.

## References
OWASP API1:2023, ASVS 8.3.3, CWE-639
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from fastness.checker.evidence.asking import Asking
from fastness.checker.evidence.copying import Copies
from fastness.checker.evidence.effects import effects
from fastness.checker.evidence.model import Application, Route
from fastness.checker.evidence.privilege import administrative
from fastness.checker.evidence.purpose import PUBLIC_BY_NATURE, purposes
from fastness.checker.finding import Confidence, Finding, Persona, Severity
from fastness.checker.rule import Rule

_ACTING = re.compile(
    r"^(user|owner|author|creator|customer|sender|account|member|current_user|acting_user|requester|from_user)_?(id|uuid)$|^(created|posted|sent|submitted)_by(_id)?$",
    re.IGNORECASE,
)


class CallerNamedByClient(Rule):
    """Who acts is what the client says."""

    id, name, control, severity = "FN206", "caller-named-by-client", "access", Severity.HIGH
    owasp, asvs, cwe, guide = ("API1:2023",), ("8.3.3",), (639, 290), (2,)
    why = "the client writes somebody else's id and acts as them"
    fix = "take the user from the verified token or session, and drop the field"

    def inspect(self, application: Application) -> Iterator[Finding]:
        for route in application.routes:
            if not _ordinary(route):
                continue
            named = _named(route)
            if named:
                signed_in = route.guarded("access")
                yield self.found(
                    route.place,
                    f"{route} believes the client's {named}",
                    route=route,
                    subject=f"{route.name} {named}",
                    confidence=Confidence.HIGH if signed_in else Confidence.MEDIUM,
                    # Without a guard the missing guard is the finding (FN101); an update may hand a thing on.
                    persona=Persona.REGULAR if signed_in and "POST" in route.methods else Persona.PEDANTIC,
                )


def _ordinary(route: Route) -> bool:
    if (
        route.kind != "http"
        or not route.writes
        or route.public is not None
        or route.development
        or administrative(route)
    ):
        return False
    if any(g.duty in {"role", "owner", "signature"} for g in route.guards) or purposes(route) & PUBLIC_BY_NATURE:
        return False
    return route.handler is not None


def _named(route: Route) -> str:
    """The input that says who acts, and that becomes part of what is stored."""
    handler = route.handler
    if handler is None or "store" not in effects(handler):
        return ""
    asking = handler.project.once(Asking)
    if route.guarded("access") and asking.meets(handler, asking.held(handler)):
        return ""
    copies = Copies(handler.project)
    for parameter in route.parameters:
        if parameter.source not in {"body", "form"}:
            continue
        if parameter.model is None:
            if _ACTING.match(parameter.name):
                return parameter.name
            continue
        for field in parameter.model.fields:
            if _ACTING.match(field.name) and copies.stored(handler, parameter.name, field.name):
                return f"{parameter.name}.{field.name}"
    return ""
