"""
## What it looks for
An application that is mounted into another whose guards stand in `dependencies=`: those do not reach it.

## Why it matters
`FastAPI(dependencies=[...])` guards the routes of that application alone; what is mounted answers everybody.

## Bad
    import os
    import jwt
    from fastapi import Depends, FastAPI, HTTPException
    from fastapi.security import OAuth2PasswordBearer

    bearer = OAuth2PasswordBearer(tokenUrl="token")

    def current_user(token: str = Depends(bearer)) -> dict:
        return jwt.decode(token, os.environ["TOKEN_KEY"], algorithms=["HS256"])

    app = FastAPI(dependencies=[Depends(current_user)])
    reports = FastAPI()

    @reports.get("/totals")
    def totals() -> int:
        return 1

    app.mount("/reports", reports)

## Good
    import os
    import jwt
    from fastapi import Depends, FastAPI, HTTPException
    from fastapi.security import OAuth2PasswordBearer

    bearer = OAuth2PasswordBearer(tokenUrl="token")

    def current_user(token: str = Depends(bearer)) -> dict:
        return jwt.decode(token, os.environ["TOKEN_KEY"], algorithms=["HS256"])

    app = FastAPI(dependencies=[Depends(current_user)])
    reports = FastAPI(dependencies=[Depends(current_user)])

    @reports.get("/totals")
    def totals() -> int:
        return 1

    app.mount("/reports", reports)

## How it is found
Where every route of an application has a guard of the application itself, the routes of those it mounts are looked at. Static
files and applications with guards of their own are left alone.

## What it cannot see
Mounted programs that are no FastAPI applications.

## How to tell the checker
`@public("reason")` on the routes, or the paths under `public` in `[tool.fastness.check]`.

## References
OWASP API9:2023, ASVS 8.3.1, CWE-306
"""

from __future__ import annotations

from collections.abc import Iterator

from fastness.checker.evidence.model import Route
from fastness.checker.evidence.project import Project
from fastness.checker.evidence.purpose import PUBLIC_BY_NATURE, purposes
from fastness.checker.finding import Confidence, Finding, Severity
from fastness.checker.rule import Rule


class MountedPastGuards(Rule):
    """A door beside the guarded one."""

    id, name, control, severity = "FN104", "mounted-past-guards", "access", Severity.HIGH
    owasp, asvs, cwe, guide = ("API9:2023",), ("8.3.1",), (306,), (2,)
    why = "the parent's guards do not reach what is mounted, so strangers do"
    fix = "give the mounted application its own dependencies=[...], or include its routers instead"

    def read(self, project: Project) -> Iterator[Finding]:
        applications = {a.name: a for a in project.applications}
        guarding = {call.place: call for call in project.calls("FastAPI") if call.has("dependencies")}
        for application in project.applications:
            parent = applications.get(application.parent or "")
            if parent is None or parent.place not in guarding or not _guarded_whole(parent.routes):
                continue
            for route in application.routes:
                if route.kind == "http" and _open(route):
                    yield self.found(
                        route.place,
                        f"{route} of a mounted application has no guard; those of {parent.name} do not reach it",
                        route=route,
                        subject=route.name,
                        confidence=Confidence.HIGH,
                    )


def _guarded_whole(routes: tuple[Route, ...]) -> bool:
    own = [r for r in routes if r.kind == "http"]
    return not own or all(r.guarded("access") for r in own)


def _open(route: Route) -> bool:
    if route.public is not None or route.development or purposes(route) & PUBLIC_BY_NATURE:
        return False
    return not any(g.duty in {"access", "role", "signature"} for g in route.guards)
