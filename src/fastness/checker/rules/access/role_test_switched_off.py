"""
## What it looks for
A test of a role or of the caller that is commented out, or imported beside the routes and not used by them.

## Why it matters
It was taken away for a test and never came back; the route works, so nobody notices.

## Bad
    import os
    import jwt
    from fastapi import Depends, FastAPI, HTTPException
    from fastapi.security import OAuth2PasswordBearer

    app = FastAPI()
    bearer = OAuth2PasswordBearer(tokenUrl="token")

    def current_user(token: str = Depends(bearer)) -> dict:
        return jwt.decode(token, os.environ["TOKEN_KEY"], algorithms=["HS256"])

    def administrator(user: dict = Depends(current_user)) -> dict:
        if user["role"] != "admin":
            raise HTTPException(403)
        return user

    @app.get("/audit/entries")  # dependencies=[Depends(administrator)]
    def entries(user: dict = Depends(current_user)) -> list[str]:
        return []

## Good
    import os
    import jwt
    from fastapi import Depends, FastAPI, HTTPException
    from fastapi.security import OAuth2PasswordBearer

    app = FastAPI()
    bearer = OAuth2PasswordBearer(tokenUrl="token")

    def current_user(token: str = Depends(bearer)) -> dict:
        return jwt.decode(token, os.environ["TOKEN_KEY"], algorithms=["HS256"])

    def administrator(user: dict = Depends(current_user)) -> dict:
        if user["role"] != "admin":
            raise HTTPException(403)
        return user

    @app.get("/audit/entries", dependencies=[Depends(administrator)])
    def entries(user: dict = Depends(current_user)) -> list[str]:
        return []

## How it is found
Comments inside and above handlers are searched for `Depends(...)`, `dependencies=` and calls whose names speak of authentication or
roles. The route must lack what the comment names.

## What it cannot see
Tests that were deleted altogether.

## How to tell the checker
`# fastness: ignore[FN202] the reason` on the line of the decorator.

## References
OWASP API5:2023, ASVS 8.2.1, CWE-862
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import replace

from fastness.checker.evidence.functions import Call, Function
from fastness.checker.evidence.model import Application, Route
from fastness.checker.evidence.project import Project
from fastness.checker.finding import Confidence, Finding, Persona, Severity
from fastness.checker.rule import Rule

_SWITCHED_OFF = re.compile(
    r"#[^\n#]*?\b(?:Depends|Security)\(\s*(?P<name>[\w.]+)|#\s*(?:await\s+)?(?P<call>[\w.]*(?:require|check|verify|ensure|validate|assert|has)_\w*"
    r"(?:role|permission|admin|auth|access|user|owner|token|superuser)\w*)\(",
    re.IGNORECASE,
)  # fmt: skip
_GUARD = re.compile(
    r"user|auth|admin|role|permission|token|scope|login|superuser|access|require|verify|api_?key|principal|identity|guard",
    re.IGNORECASE,
)


class RoleTestSwitchedOff(Rule):
    """A guard in a comment."""

    id, name, control, severity = "FN202", "role-test-switched-off", "access", Severity.MEDIUM
    owasp, asvs, cwe, guide = ("API5:2023",), ("8.2.1",), (862,), (2,)
    why = "the route lost its guard to a comment, and everybody passes"
    fix = "put the dependency back, or delete the comment and say why everybody may: @public('reason')"

    def read(self, project: Project) -> Iterator[Finding]:
        """A comment inside `APIRouter(...)`: the guard of all its routes."""
        for call in project.calls("APIRouter", "FastAPI", "include_router"):
            place = call.place
            for number in range(place.line, place.end_line + 1):
                found = _SWITCHED_OFF.search(call.module.line(number))
                name = (found["name"] or "") if found else ""
                if name and _GUARD.search(name.rpartition(".")[2]) and not _used(call, name):
                    yield self.found(
                        replace(place, line=number, end_line=number),
                        f"the routes of this router had the guard {name}, which is commented out",
                        subject=f"{call.scope.short} {name}",
                        confidence=Confidence.MEDIUM,
                    )
                    break

    def inspect(self, application: Application) -> Iterator[Finding]:
        for route in application.routes:
            handler = route.handler
            if handler is None or route.public is not None or route.development:
                continue
            name = _commented(handler)
            if name and _lacks(route, name):
                yield self.found(
                    route.place,
                    f"{route} had the guard {name}, which is commented out",
                    route=route,
                    subject=f"{route.name} {name}",
                    confidence=Confidence.MEDIUM if route.guarded("access") else Confidence.HIGH,
                    persona=Persona.REGULAR if not route.guarded("role") else Persona.PEDANTIC,
                )


def _commented(handler: Function) -> str:
    """The guard that a comment of the handler's decorators or signature names."""
    lines = handler.module.lines
    first = handler.place.line
    last = handler.body[0].lineno if handler.body else handler.node.lineno
    for line in lines[first - 1 : min(last + 3, handler.place.end_line)]:
        found = _SWITCHED_OFF.search(line)
        name = (found["name"] or found["call"] or "") if found else ""
        if name and _GUARD.search(name.rpartition(".")[2]):
            return name
    return ""


def _used(call: Call, name: str) -> bool:
    """Whether some route of the module has the guard all the same."""
    last = name.rpartition(".")[2]
    names = (n for n in ast.walk(call.module.scope.node) if isinstance(n, (ast.Name, ast.Attribute)))
    return any((n.id if isinstance(n, ast.Name) else n.attr) == last for n in names)


def _lacks(route: Route, name: str) -> bool:
    last = name.rpartition(".")[2]
    if any(function.short == last for function in route.dependencies):
        return False
    return not any(last in guard.how for guard in route.guards)
