"""
## What it looks for
A route that changes something and lets everybody call it.

## Why it matters
Whoever finds the address can write, delete or spend; nothing in the log says who it was.

## Bad
    from fastapi import FastAPI
    from pydantic import BaseModel

    app = FastAPI()
    items: dict[int, str] = {}

    class Item(BaseModel):
        name: str

    @app.put("/items/{item_id}")
    def rename(item_id: int, item: Item) -> None:
        items[item_id] = item.name

## Good
    from typing import Annotated
    from fastapi import Depends, FastAPI, HTTPException
    from fastapi.security import OAuth2PasswordBearer
    from joserfc import jwt
    from joserfc.errors import JoseError
    from joserfc.jwk import OctKey
    from pydantic import BaseModel
    import os

    app = FastAPI()
    bearer = OAuth2PasswordBearer(tokenUrl="login")
    key = OctKey.import_key(os.environ["TOKEN_KEY"])
    items: dict[int, str] = {}

    class Item(BaseModel):
        name: str

    def current_user(token: Annotated[str, Depends(bearer)]) -> str:
        try:
            return jwt.decode(token, key, algorithms=["HS256"]).claims["sub"]
        except JoseError:
            raise HTTPException(401) from None

    @app.put("/items/{item_id}")
    def rename(item_id: int, item: Item, user: Annotated[str, Depends(current_user)]) -> None:
        items[item_id] = item.name

## How it is found
Every route is followed through its handler and the functions it calls. A route that writes a store or a file, starts a
process or a job, or sends a message needs something before it that takes a credential and stops whoever has none: a
dependency at any level, a decorator, a middleware, or a test in the handler. A security scheme alone does not count,
because it only reads a header. Login, registration, refresh, reset, confirmation, webhooks with a tested signature and
tokens in the path are public by nature.

## What it cannot see
A gateway that authenticates in front of the application, and code outside the project whose name does not tell.

## How to tell the checker
`@public("reason")` on the route, or in pyproject.toml `public = {"POST /contact" = "anybody may write to us"}`; own
dependencies under `authentication`.

## References
OWASP API2:2023, ASVS 8.3.1, CWE-306.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from fastness.checker.evidence.effects import Effect, deeds
from fastness.checker.evidence.model import Application, Route
from fastness.checker.evidence.project import Project
from fastness.checker.evidence.purpose import PUBLIC_BY_NATURE, purposes
from fastness.checker.evidence.switched import switched_off
from fastness.checker.finding import Confidence, Finding, Persona, Proof, Severity
from fastness.checker.rule import Rule

_WORDS: dict[Effect, str] = {
    "store": "writes data",
    "file": "writes files",
    "process": "starts a process",
    "message": "sends a message",
    "job": "starts background work",
}


_FORM = re.compile(
    r"^(contact([-_]us)?|inquir(y|ies)|(faq[-_])?inquiries|feedback|(pages/)?newsletters?([-_]subscri\w*)?|(un)?subscri(be|ption|ptions)"
    r"|wait(ing)?[-_]?list|apply|applications?)$",
    re.IGNORECASE,
)


class UnauthenticatedWrite(Rule):
    """A write without a guard."""

    id, name, control, severity = "FN101", "unauthenticated-write", "access", Severity.HIGH
    owasp, asvs, cwe, guide = ("API2:2023",), ("8.3.1",), (306,), (2,)
    why = "whoever finds the address can change data, and nobody knows who it was"
    fix = 'add a dependency that verifies the caller, or say why everybody may: @public("reason")'

    def inspect(self, application: Application) -> Iterator[Finding]:
        for route in application.routes:
            if route.kind == "http" and not _excused(route):
                done = deeds(route.handler) if route.handler else {}
                if not route.writes:
                    # A GET is judged only when it starts work: counters and last-seen marks are ordinary.
                    done = {e: by for e, by in done.items() if e in {"job", "process", "message"}}
                changed = [_WORDS[effect] for effect in sorted(done) if effect in _WORDS]
                if not changed and not route.writes:
                    continue
                doer = next((by for e, by in sorted(done.items()) if e in _WORDS), None)
                what = changed[0] if changed else "takes a request that may change state"
                yield self.found(
                    route.place,
                    f"{route} {what} and nobody asks who is calling",
                    route=route,
                    subject=str(route),
                    confidence=Confidence.HIGH if changed and route.placed else Confidence.LOW,
                    persona=Persona.REGULAR
                    if changed and _seen_whole(route) and not _for_visitors(route, done)
                    else Persona.PEDANTIC,
                    proof=Proof("inspect", f"{what}: {doer.name} at {doer.place.path}:{doer.place.line}")
                    if doer
                    else None,
                )


def _for_visitors(route: Route, done: Collection[str]) -> bool:
    """Whether it is the form by which strangers write to the people behind a site."""
    last = route.path.rstrip("/").rpartition("/")[2]
    return route.methods <= {"POST"} and set(done) <= {"store", "message", "job"} and _FORM.search(last) is not None


def _excused(route: Route) -> bool:
    if route.public is not None or route.development:
        return True
    if route.guarded("access") or route.guarded("signature") or switched_off(route):
        return True
    return bool(purposes(route) & PUBLIC_BY_NATURE)


def _seen_whole(route: Route) -> bool:
    """Whether all that may guard it was seen: a router whose inclusion nobody could follow may be guarded there."""
    return route.placed or route.handler is None or not route.handler.project.once(_guards_somewhere)


def _guards_somewhere(project: Project) -> bool:
    return any(route.guarded("access") for _, route in project.routes())
