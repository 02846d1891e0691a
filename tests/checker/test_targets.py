"""Every route is seen, on each FastAPI from 0.100: flat lists, the tree before its public walk, and the tree."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fastness.checker.evidence.attacker import Attacker
from fastness.checker.evidence.exchange import Answer
from fastness.checker.evidence.loaded import Loaded, load
from fastness.checker.evidence.merge import NoSources, application_of
from fastness.checker.evidence.opening import attacker_of

OLDEST, TREE = "0.100.0", "0.137.0"
SOME = [OLDEST, TREE]
# What CI leaves out takes as long again: TARGETS=all.
VERSIONS = [OLDEST, "0.115.14", "0.136.3", TREE, "0.137.2"] if os.environ.get("TARGETS") == "all" else SOME
SOURCE = """
from typing import List, Optional
from fastapi import APIRouter, Depends, FastAPI, Query, Security, WebSocket
from fastapi.security import OAuth2PasswordBearer
from fastapi.middleware.cors import CORSMiddleware
from pydantic import BaseModel, Field
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route
import functools

bearer = OAuth2PasswordBearer(tokenUrl="token", auto_error=False)

def caller(token: Optional[str] = Depends(bearer)): ...
def outer_guard(): ...

class Street(BaseModel):
    name: str = Field(max_length=80)

class Person(BaseModel):
    password_hash: str
    streets: List[Street] = []

def logged(handler):
    @functools.wraps(handler)
    async def wrapper(*args, **kwargs):
        return await handler(*args, **kwargs)
    return wrapper

deep = APIRouter(prefix="/deep")

@deep.get("/{item_id}", response_model=List[Person], tags=["deep"])
@logged
async def read(item_id: int, limit: int = Query(10, ge=1, le=50), who=Security(caller, scopes=["me"])): ...

@deep.websocket("/socket")
async def socket(websocket: WebSocket): ...

@deep.post("/hidden", include_in_schema=False)
def hidden(given: Person): ...

middle = APIRouter(prefix="/middle", dependencies=[Depends(outer_guard)])
middle.include_router(deep)

class Things:
    def list(self): ...

class Callable_:
    def __call__(self): ...

app = FastAPI(debug=True)
app.add_middleware(CORSMiddleware, allow_origins=["https://a.example"])
app.include_router(middle, prefix="/outer")
app.include_router(deep, prefix="/twice")
app.add_api_route("/things", Things().list)
app.add_api_route("/object", Callable_(), methods=["PUT", "DELETE"])

async def plain(request): return PlainTextResponse("x")
app.router.routes.append(Route("/plain", plain))

inner = FastAPI()
inner.include_router(deep)
app.mount("/inner", inner)
app.router.routes.append(Mount("/starlette", routes=[Route("/below", plain)]))

@app.exception_handler(ValueError)
async def on_value_error(request, error): ...
"""
EVERYTHING = {
    "DELETE,PUT /object", "GET /outer/middle/deep/{item_id}", "POST /outer/middle/deep/hidden",
    "WEBSOCKET /outer/middle/deep/socket", "GET /twice/deep/{item_id}", "POST /twice/deep/hidden",
    "WEBSOCKET /twice/deep/socket", "GET /things", "GET /plain", "GET /inner/deep/{item_id}",
    "POST /inner/deep/hidden", "WEBSOCKET /inner/deep/socket", "GET /starlette/below",
}  # fmt: skip


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the environments of this session live."""
    return tmp_path_factory.mktemp("targets")


@pytest.fixture(scope="module", params=[*VERSIONS, "ours"])
def target(request: pytest.FixtureRequest, homes: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loaded]:
    """The application, loaded in an environment with one version of FastAPI."""
    python = sys.executable
    if request.param != "ours":
        home = homes / request.param
        python = str(home / "bin" / "python")
        uv = str(Path(sys.executable).with_name("uv"))
        subprocess.run([uv, "venv", "-q", "--python", sys.executable, str(home)], check=True)
        wanted = [f"fastapi=={request.param}", "python-multipart"]
        subprocess.run([uv, "pip", "install", "-q", "--python", python, *wanted], check=True)
    root = tmp_path_factory.mktemp("project")
    (root / "main.py").write_text(SOURCE)
    loaded = load("main:app", root=root, python=python)
    assert isinstance(loaded, Loaded), loaded
    with loaded:
        assert request.param in {loaded.fastapi, "ours"}
        yield loaded


@pytest.mark.targets
def test_every_route_is_seen(target: Loaded) -> None:
    application = application_of(target, NoSources())

    assert {str(route) for route in application.routes} == EVERYTHING
    assert application.total == len(application.routes) == len(EVERYTHING)


@pytest.mark.targets
def test_a_route_knows_its_handler_dependencies_inputs_and_model(target: Loaded) -> None:
    route = next(r for r in target.description["routes"] if r["path"] == "/outer/middle/deep/{item_id}")
    lines = SOURCE.splitlines()

    place = target.place(route)

    assert place is not None
    assert (lines[place.line - 1], lines[place.end_line - 1]) == (
        '@deep.get("/{item_id}", response_model=List[Person], tags=["deep"])',
        'async def read(item_id: int, limit: int = Query(10, ge=1, le=50), who=Security(caller, scopes=["me"])): ...',
    )
    assert [each["qualname"] for each in route["dependencies"]] == [
        "outer_guard", "caller", "OAuth2PasswordBearer.__call__",
    ]  # fmt: skip
    assert route["dependencies"][1]["scopes"] == ["me"]
    assert route["dependencies"][2]["scheme"]["auto_error"] is False
    limit = next(each for each in route["parameters"] if each["name"] == "limit")
    assert (limit["source"], dict(limit["bounds"])) == ("query", {"ge": 1, "le": 50})
    fields = {field["name"]: field for field in route["response"][0]["fields"]}
    assert set(fields) == {"password_hash", "streets"}
    assert dict(fields["streets"]["models"][0]["fields"][0]["bounds"]) == {"max_length": 80}
    assert route["tags"] == ["deep"]


@pytest.mark.targets
def test_the_application_knows_its_options_middleware_and_handlers(target: Loaded) -> None:
    application = application_of(target, NoSources())

    assert dict(application.options)["debug"] is True
    assert [each.name for each in application.middleware] == ["starlette.middleware.cors.CORSMiddleware"]
    assert dict(application.middleware[0].options)["allow_origins"] == ["https://a.example"]
    assert application.handlers == ("ValueError",)
    hidden = [str(route) for route in application.routes if route.hidden and "hidden" in route.path]
    assert len(hidden) == 3


@pytest.mark.targets
def test_requests_travel_over_the_pipe(target: Loaded) -> None:
    async def ask() -> tuple[Attacker, list[Answer]]:
        attacker = await attacker_of(target, application_of(target, NoSources()))
        return attacker, [await attacker.send("GET", path) for path in ("/plain", "/starlette/below", "/nothing")]

    attacker, answers = asyncio.run(ask())

    assert [(answer.status, answer.text[:1]) for answer in answers] == [(200, "x"), (200, "x"), (404, "{")]
    assert {(o.method, o.path) for o in attacker.operations} >= {
        ("GET", "/inner/deep/{item_id}"), ("GET", "/outer/middle/deep/{item_id}"),
    }  # fmt: skip
