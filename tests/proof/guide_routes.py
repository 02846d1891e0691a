"""A small application with one route for each line of the guide's checklist, whose controls can be left out one by one."""

# No `from __future__ import annotations`: FastAPI could not resolve the models of the functions below.

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Query
from pydantic import BaseModel

from fastness import CurrentUser, Settings, limit, public, require, secure
from fastness.chain import Secured
from fastness.controls.fields import DisplayName, Email, NewPassword, Paging, StrictModel
from proof import checklist


class Registration(StrictModel):
    email: Email
    password: NewPassword
    name: DisplayName


class LooseRegistration(BaseModel):
    """As the guide's readers write it when they are in a hurry."""

    email: str
    password: str | None
    name: Any
    role: str = "user"


class LoosePaging(BaseModel):
    page: int = 1
    limit: int = 20
    search: str | None = None


ADMINISTRATOR = Depends(require(role=("admin", "super_admin")))
LIMITED = [Depends(limit("5/minute", by="address"))]
DEAR = [Depends(limit("10/hour", by="user"))]


def application(
    *,
    admin: Sequence[Any] = (ADMINISTRATOR,),
    model: type[BaseModel] = Registration,
    paging: type[BaseModel] = Paging,
    limited: bool = True,
    **parts: Any,
) -> tuple[FastAPI, Secured]:
    """The routes of the guide; each argument is one control that can be left out."""
    app = FastAPI()
    secured = secure(app, Settings(environment="development"), **{"cors": [checklist.ORIGIN], **parts})
    app.include_router(routes(admin, model, paging, limited=limited))
    return app, secured


def routes(admin: Sequence[Any], model: type[BaseModel], paging: type[BaseModel], *, limited: bool) -> APIRouter:
    router = APIRouter()

    @router.get("/open")
    @public("a greeting")
    async def greet() -> str:
        return "hello"

    @router.get("/me")
    async def me(user: CurrentUser) -> str:
        return user.id

    @router.delete("/users/{user_id}", status_code=204, dependencies=admin)
    async def remove(user_id: str) -> None: ...

    async def register(given: Any) -> str:
        return type(given).__name__

    async def people(given: Any) -> str:
        return type(given).__name__

    register.__annotations__["given"] = model
    people.__annotations__["given"] = Annotated[paging, Query()]
    router.post("/register")(public("a form")(register))
    router.get("/users")(public("a list")(people))

    @router.post("/login", dependencies=LIMITED if limited else [])
    @public("a sign-in")
    async def login() -> None: ...

    @router.post("/ai/generate", dependencies=DEAR if limited else [])
    async def generate(user: CurrentUser) -> str:
        return user.id

    @router.get("/fails")
    @public("it fails")
    async def fails() -> None:
        raise RuntimeError("hunter2")

    return router
