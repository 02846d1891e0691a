"""
## What it looks for
Routes behind a scheme with `auto_error=False` where nobody tests whether there was a credential at all.

## Why it matters
`auto_error=False` turns a missing credential into `None` and goes on. What follows runs for strangers too.

## Bad
    from fastapi import Depends, FastAPI
    from fastapi.security import APIKeyHeader

    app = FastAPI()
    key = APIKeyHeader(name="x-api-key", auto_error=False)

    @app.get("/reports", dependencies=[Depends(key)])
    async def reports() -> list[str]:
        return ["turnover"]

## Good
    import hmac
    import os
    from fastapi import Depends, FastAPI, HTTPException
    from fastapi.security import APIKeyHeader

    app = FastAPI()
    key = APIKeyHeader(name="x-api-key", auto_error=False)

    def machine(given: str | None = Depends(key)) -> None:
        if given is None or not hmac.compare_digest(given.encode(), os.environ["REPORT_KEY"].encode()):
            raise HTTPException(401)

    @app.get("/reports", dependencies=[Depends(machine)])
    async def reports() -> list[str]:
        return ["turnover"]

## How it is found
Handlers, their decorators and their routers are searched for lenient schemes that nothing of the project wraps. Routes
with another guard, and routes with an optional caller, are left alone.

## What it cannot see
A check in a proxy or in another service.

## How to tell the checker
`@public("reason")`, or the route under `public` in `[tool.fastness.check]`.

## References
OWASP API2:2023, ASVS 8.3.1, CWE-306.
"""

from __future__ import annotations

from collections.abc import Iterator

from fastness.checker.evidence.model import Application
from fastness.checker.evidence.schemes import bare_uses, touched
from fastness.checker.finding import Finding, Severity
from fastness.checker.rule import Rule


class MissingCredentialPasses(Rule):
    """A scheme that lets strangers pass."""

    id, name, control, severity = "FN106", "missing-credential-passes", "access", Severity.HIGH
    owasp, asvs, cwe, guide = ("API2:2023",), ("8.3.1",), (306,), (1, 2)
    why = "a caller without any credential is served like one with it"
    fix = "test for None and raise 401, or leave auto_error on"

    def inspect(self, application: Application) -> Iterator[Finding]:
        for route in application.routes:
            handler = route.handler
            if handler is None or route.public is not None or any(guard.duty == "access" for guard in route.guards):
                continue
            for use in bare_uses(handler.project, route):
                if use.lenient and not (use.parameter and touched(handler, use.parameter)):
                    text = f"{route} goes on when {use.name} finds no credential"
                    yield self.found(route.place, text, route=route, subject=f"{route} {use.name}")
                    break
