"""Routes of our own, put before those of an application, so that no handler of its authors has to run."""

# No `from __future__ import annotations`: FastAPI could not resolve the models of the functions below.

import secrets

from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request, WebSocket
from pydantic import BaseModel

from fastness.controls.access import CurrentUser
from fastness.controls.limits import limit
from fastness.core.declare import opens_session, public
from fastness.core.errors import Unauthenticated

CANARY = "canary-7f3a91"
"""What must never come back in an answer about bad input or a crash."""

_WHY = "the doctor asks; it holds nothing"


class Form(BaseModel):
    """Something that can be wrong."""

    password: str
    age: int


def put(app: FastAPI, *, callers: bool = True) -> str:
    """Add the probe's routes in front; the path they are under. The application is for proving then, not for serving.

    Args:
        callers: whether anybody can sign in; a route that needs a caller stops the start where nobody can.
    """
    path = f"/fastness-doctor-{secrets.token_hex(8)}"
    for router in (_answers(path), _forms(path), *([_callers(path)] if callers else [])):
        app.include_router(router)
        _first(app)
    return path


def _answers(path: str) -> APIRouter:
    router = APIRouter(prefix=path, include_in_schema=False)
    twice = limit("2/hour", name=f"doctor-{secrets.token_hex(8)}")

    @router.get("/open")
    @public(_WHY)
    async def greet() -> str:
        return "ok"

    @router.get("/fails")
    @public(_WHY)
    async def fails() -> None:
        raise RuntimeError(CANARY)

    @router.get("/refused")
    @public(_WHY)
    async def refused() -> None:
        raise Unauthenticated

    # A route, or what stands behind this path in the application would answer.
    @router.get("/nowhere")
    @public(_WHY)
    async def nowhere() -> None:
        raise HTTPException(404)

    @router.get("/limited", dependencies=[Depends(twice)])
    @public(_WHY)
    async def limited() -> str:
        return "ok"

    return router


def _forms(path: str) -> APIRouter:
    router = APIRouter(prefix=path, include_in_schema=False)

    @router.post("/body")
    @public(_WHY)
    async def body(request: Request) -> int:
        return len(await request.body())

    @router.post("/form")
    @public(_WHY)
    async def form(given: Form) -> int:
        return given.age

    @router.post("/sign-in")
    @opens_session()
    @public(_WHY)
    async def sign_in() -> str:
        return "ok"

    @router.websocket("/socket")
    @public(_WHY)
    async def socket(connection: WebSocket) -> None:
        await connection.accept()
        await connection.close()

    return router


def _callers(path: str) -> APIRouter:
    router = APIRouter(prefix=path, include_in_schema=False)

    @router.get("/me")
    async def me(user: CurrentUser) -> str:
        return user.id

    return router


def add_undeclared(app: FastAPI, path: str) -> None:
    """A route that nobody declared, added while the application runs."""

    async def forgotten() -> str:
        return "ok"

    app.add_api_route(f"{path}/forgotten", forgotten, include_in_schema=False)
    _first(app)


def _first(app: FastAPI) -> None:
    # A catch-all of the application would answer otherwise.
    app.router.routes.insert(0, app.router.routes.pop())
