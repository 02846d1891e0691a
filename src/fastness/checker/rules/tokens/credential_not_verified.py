"""
## What it looks for
Routes that take a credential from a scheme (`OAuth2PasswordBearer`, `HTTPBearer`, `APIKeyHeader`, a class made from one) and
never verify it.

## Why it matters
A scheme reads a header and shows a lock in the documentation. Without a test behind it every string opens the door.

## Bad
    from fastapi import Depends, FastAPI
    from fastapi.security import OAuth2PasswordBearer

    app = FastAPI()
    bearer = OAuth2PasswordBearer(tokenUrl="token")

    @app.get("/salaries")
    async def salaries(token: str = Depends(bearer)) -> dict[str, int]:
        return {"ada": 100}

## Good
    import hmac
    import os
    from fastapi import Depends, FastAPI, HTTPException
    from fastapi.security import OAuth2PasswordBearer

    app = FastAPI()
    bearer = OAuth2PasswordBearer(tokenUrl="token")

    def caller(token: str = Depends(bearer)) -> str:
        if not hmac.compare_digest(token.encode(), os.environ["ACCESS_TOKEN"].encode()):
            raise HTTPException(401)
        return "ada"

    @app.get("/salaries")
    async def salaries(who: str = Depends(caller)) -> dict[str, int]:
        return {who: 100}

## How it is found
Handlers, their decorators and their routers are searched for schemes that nothing of the project wraps. It speaks where no
guard of the route verifies anything and the handler hands the credential to nobody.

## What it cannot see
A check in a proxy or in another service.

## How to tell the checker
`@public("reason")`, or the route under `public` in `[tool.fastness.check]`.

## References
OWASP API2:2023, ASVS 7.2.1, CWE-287.
"""

from __future__ import annotations

from collections.abc import Iterator

from fastness.checker.evidence.model import Application
from fastness.checker.evidence.schemes import bare_uses, touched
from fastness.checker.finding import Finding, Severity
from fastness.checker.rule import Rule


class CredentialNotVerified(Rule):
    """A scheme that nobody asks."""

    id, name, control, severity = "FN112", "credential-not-verified", "access", Severity.CRITICAL
    owasp, asvs, cwe, guide = ("API2:2023",), ("7.2.1",), (287,), (1, 2)
    why = "anybody calls this route with any string, though the documentation shows a lock"
    fix = "verify the credential in a dependency that raises 401, and depend on that"

    def inspect(self, application: Application) -> Iterator[Finding]:
        for route in application.routes:
            handler = route.handler
            if handler is None or route.public is not None:
                continue
            for use in bare_uses(handler.project, route):
                if not use.lenient and use.alone and not (use.parameter and touched(handler, use.parameter)):
                    text = f"{route} takes a credential from {use.name} and does not verify it"
                    yield self.found(route.place, text, route=route, subject=f"{route} {use.name}")
                    break
