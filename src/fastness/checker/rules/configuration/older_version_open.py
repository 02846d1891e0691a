"""
## What it looks for
An older version of a route that is still there, with weaker guards than the newer one.

## Why it matters
Attackers try `/v1` when `/v2` says no.

## Bad
    from fastapi import Depends, FastAPI, HTTPException
    from fastapi.security import OAuth2PasswordBearer

    app = FastAPI()
    bearer = OAuth2PasswordBearer(tokenUrl="token")
    sessions: dict[str, str] = {}

    def current_user(token: str = Depends(bearer)) -> str:
        if token not in sessions:
            raise HTTPException(401)
        return sessions[token]

    @app.get("/v1/prices")
    def prices_1() -> list[int]:
        return []

    @app.get("/v2/prices")
    def prices_2(user: str = Depends(current_user)) -> list[int]:
        return []

## Good
    from fastapi import Depends, FastAPI, HTTPException
    from fastapi.security import OAuth2PasswordBearer

    app = FastAPI()
    bearer = OAuth2PasswordBearer(tokenUrl="token")
    sessions: dict[str, str] = {}

    def current_user(token: str = Depends(bearer)) -> str:
        if token not in sessions:
            raise HTTPException(401)
        return sessions[token]

    @app.get("/v1/prices")
    def prices_1(user: str = Depends(current_user)) -> list[int]:
        return []

    @app.get("/v2/prices")
    def prices_2(user: str = Depends(current_user)) -> list[int]:
        return []

## How it is found
Routes whose paths differ only in a version are compared by method: a guard or role that the newer one has and the older one lacks
counts. An attack asks both as a stranger: it counts when the newer one refuses and the older one answers with data.

## What it cannot see
Versions in headers or host names.

## How to tell the checker
`@public("reason")` on the older route.

## References
OWASP API9:2023, ASVS 13.4.5, CWE-1059
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator

from fastness.checker.evidence.attacker import Attacker
from fastness.checker.evidence.model import Application, Duty, Route
from fastness.checker.finding import Confidence, Finding, Severity
from fastness.checker.rule import Rule

_VERSION = re.compile(r"/v(?P<number>\d+(?:\.\d+)?)(?P<stage>alpha|beta)?\d*(?=/|$)", re.IGNORECASE)
_DUTIES: tuple[Duty, ...] = ("access", "role")
_CLOSED = frozenset({401, 403})


class OlderVersionOpen(Rule):
    """The old door stands open."""

    id, name, control, severity = "FN705", "older-version-open", "access", Severity.MEDIUM
    owasp, asvs, cwe, guide = ("API9:2023",), ("13.4.5",), (1059, 306), (2,)
    why = "what the new version refuses, the old one still gives"
    fix = "remove the old version, or give it the same guards"

    def inspect(self, application: Application) -> Iterator[Finding]:
        for _, older, newest in _pairs(application.routes):
            missing = [d for d in _DUTIES if newest.guarded(d) and not older.guarded(d)]
            if missing and older.public is None and older.placed:
                yield self.found(
                    older.place,
                    f"{older} has no {missing[0]} guard, and {newest} has one",
                    route=older,
                    subject=older.name,
                    confidence=Confidence.HIGH,
                )

    async def attack(self, attacker: Attacker) -> AsyncIterator[Finding]:
        for method, older, newest in _pairs(attacker.routes):
            if method != "GET" or older.public is not None:
                continue
            closed = await attacker.attempt(newest, "GET")
            answer = await attacker.attempt(older, "GET")
            if closed.status in _CLOSED and answer.ok and answer.body.strip() not in {b"", b"null"}:
                text = f"{older} answers strangers, and {newest.path} refuses them"
                yield self.found(
                    attacker.place(older),
                    text,
                    confidence=Confidence.PROVED,
                    route=older,
                    subject=older.name,
                    proof=attacker.proof(text, closed, answer),
                )


def _pairs(routes: tuple[Route, ...]) -> Iterator[tuple[str, Route, Route]]:
    """A method, each older route with it, and the newest of its versions."""
    versions: dict[tuple[str, str], list[tuple[float, Route]]] = {}
    for route in routes:
        found = _VERSION.search(route.path)
        if route.kind == "http" and found:
            same = re.sub(r"\{[^}]*\}", "{}", route.path[: found.start()] + "/v*" + route.path[found.end() :])
            for method in sorted(route.methods):
                versions.setdefault((method, same), []).append((float(found["number"]), route))
    for (method, _), group in versions.items():
        last, newest = max(group, key=lambda pair: pair[0])
        yield from ((method, route, newest) for number, route in group if number < last)
