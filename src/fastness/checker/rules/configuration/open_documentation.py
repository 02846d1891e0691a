"""
## What it looks for
An application with protected routes whose documentation (`/docs`, `/redoc`, `/openapi.json`) is open to everybody.

## Why it matters
It is a map for attackers: every route, field and example, those of administrators too.

## Bad
    import os
    import jwt
    from fastapi import Depends, FastAPI
    from fastapi.security import OAuth2PasswordBearer

    app = FastAPI()
    bearer = OAuth2PasswordBearer(tokenUrl="token")

    def current_user(token: str = Depends(bearer)) -> str:
        return str(jwt.decode(token, os.environ["TOKEN_KEY"], algorithms=["HS256"])["sub"])

    @app.get("/me")
    def me(user: str = Depends(current_user)) -> str:
        return user

## Good
    import os
    import jwt
    from fastapi import Depends, FastAPI
    from fastapi.security import OAuth2PasswordBearer

    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    bearer = OAuth2PasswordBearer(tokenUrl="token")

    def current_user(token: str = Depends(bearer)) -> str:
        return str(jwt.decode(token, os.environ["TOKEN_KEY"], algorithms=["HS256"])["sub"])

    @app.get("/me")
    def me(user: str = Depends(current_user)) -> str:
        return user

## How it is found
The constructor's `openapi_url`, `docs_url` and `redoc_url` are read; a value that a setting or test decides counts as decided. An
application whose routes are mostly open is public by choice and is left alone.

## What it cannot see
Proxies that keep the paths inside; declare them as a gateway duty.

## How to tell the checker
`gateway = { docs = "only inside the VPN" }` in `[tool.fastness.check]`.

## References
OWASP API9:2023, ASVS 13.4.5, CWE-1059
"""

from __future__ import annotations

from collections.abc import Iterator

from fastness.checker.evidence.model import Application
from fastness.checker.finding import Confidence, Finding, Persona, Severity
from fastness.checker.rule import Rule

_ADDRESSES = ("openapi_url", "docs_url", "redoc_url")


class OpenDocumentation(Rule):
    """The map of a protected API is public."""

    id, name, control, severity = "FN702", "open-documentation", "docs", Severity.LOW
    persona = Persona.PEDANTIC
    owasp, asvs, cwe, guide = ("API9:2023",), ("13.4.5",), (1059, 200), (10,)
    why = "strangers read every route, field and example, and plan with it"
    fix = "FastAPI(openapi_url=None) in production, or serve the documentation behind a sign-in"

    def inspect(self, application: Application) -> Iterator[Finding]:
        if application.parent is not None or "docs" in application.controls:
            return
        options = dict(application.options)
        served = _served(application)
        if any(
            name in application.unknown or (name in options and not options[name]) for name in _closing(served=served)
        ):
            return
        if "**" in application.unknown:
            return
        routes = [r for r in application.routes if r.kind == "http"]
        guarded = [r for r in routes if r.guarded("access")]
        if guarded and len(guarded) * 2 >= len(routes):
            yield self.found(
                application.place,
                f"{application.name} shows its documentation to everybody",
                subject=application.name,
                confidence=Confidence.MEDIUM,
            )


def _closing(*, served: bool) -> tuple[str, ...]:
    """The addresses of which one that is off closes the documentation; a page of the project's own outlives FastAPI's."""
    return _ADDRESSES[:1] if served else _ADDRESSES[:2]


def _served(application: Application) -> bool:
    """Whether a route that lets everybody in makes the page by itself."""
    return any(
        call.name.rpartition(".")[2] in {"get_swagger_ui_html", "get_redoc_html"}
        for route in application.routes
        if route.handler is not None and not route.guards and route.public is None and not route.development
        for call in route.handler.calls()
    )
