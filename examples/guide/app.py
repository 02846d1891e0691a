"""CORS, security headers, and everything in its place. Controls: the chain, cors, headers.

One call stands around the whole application, so 404, 422, 429, 500 and preflight carry the headers too. The origins
are in `settings.py`; bearer tokens need no `credentials`, and `*` together with them would stop the start. HSTS is sent
on https only. A route that does not say who may call it stops the start as well.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import APIRouter, FastAPI

from fastness import public, secure
from fastness.core.errors import UnsafeConfiguration

from . import account, errors, generate, login, register, users
from .database import create_tables
from .settings import GuideSettings, from_environment
from .wiring import Parts

health = APIRouter()


@health.get("/health")
@public("the load balancer asks; it returns no data")
async def alive() -> dict[str, str]:
    return {"status": "ok"}


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    parts: Parts = app.state.parts
    await create_tables(parts.engine)
    yield
    await parts.close()


def build(settings: GuideSettings | None = None) -> FastAPI:
    """The application, with the settings of the environment unless they are given."""
    found: list[UnsafeConfiguration] = []
    if settings is None:
        settings, found = from_environment()
    app = FastAPI(title="The guide's application", lifespan=lifespan, redirect_slashes=False)
    secured = secure(app, settings, token_url="auth/token")  # noqa: S106 - a path
    secured.found += found
    app.state.parts = Parts.of(settings, secured)
    for section in (
        health,
        login.router,
        register.router,
        account.router,
        users.router,
        generate.router,
        errors.router,
    ):
        app.include_router(section)
    return app


app = build()
