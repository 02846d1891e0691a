"""The table strips the root path where Starlette does, also in mounts, so that one path never means two routes."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import BaseRoute, Match, Route

from by_hand import ask, http_scope
from fastness.routes import Table

pytestmark = pytest.mark.anyio

PATHS = [
    "/x",
    "/sub/x",
    "/api/x",
    "/api/sub/x",
    "/api/api/x",
    "/api/sub/sub/x",
    "/sub/sub/x",
    "/v1/x",
    "/sub/v1/x",
    "/api",
    "/api/",
]


def named(name: str) -> Any:
    async def endpoint(request: Request) -> JSONResponse:
        return JSONResponse(name)

    endpoint.__name__ = name
    return endpoint


def tree(inner_root: str) -> FastAPI:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        app, inner, router = FastAPI(openapi_url=None), FastAPI(openapi_url=None, root_path=inner_root), APIRouter()
    for owner, label in ((app, "outer"), (inner, "inner")):
        for path in ("/x", "/sub/x", "/v1/x", "/sub/v1/x"):
            owner.add_route(path.replace("/sub/x", "/sub/x" if owner is inner else "/other"), named(f"{label} {path}"))
    router.mount("/sub", inner)
    app.include_router(router)
    return app


@pytest.mark.parametrize("inner_root", ["", "/v1", "/sub"])
@pytest.mark.parametrize("root", ["", "/api", "/api/", "/sub", "/"])
async def test_the_table_and_the_router_choose_one_route_under_every_root_path(root: str, inner_root: str) -> None:
    app = tree(inner_root)
    table = Table(app, lambda route: getattr(route.endpoint, "__name__", ""))

    async def behind_a_proxy(scope: Any, receive: Any, send: Any) -> None:
        await app({**scope, "root_path": root}, receive, send)

    for path in PATHS:
        found = table.match({**http_scope(path=path), "root_path": root})
        reply = await ask(behind_a_proxy, path=path)

        assert found == (reply.json if reply.status == 200 else None), (root, inner_root, path)


class Partly(BaseRoute):
    def matches(self, scope: Any) -> tuple[Match, Any]:
        return Match.PARTIAL, {}


class Version(Route):
    def matches(self, scope: Any) -> tuple[Match, Any]:
        match, child = super().matches(scope)
        return (match if dict(scope["headers"]).get(b"x-version") == b"2" else Match.NONE), child


def test_a_partial_match_of_a_strangers_route_does_not_end_the_search() -> None:
    app = FastAPI(openapi_url=None)
    app.router.routes.append(Partly())
    app.add_api_route("/x", named("x"))

    assert Table(app, str).match(http_scope(path="/x")) == "GET /x"


def test_a_route_with_its_own_idea_of_a_match_is_asked() -> None:
    app, inner = FastAPI(openapi_url=None), FastAPI(openapi_url=None)
    inner.router.routes.append(Version("/x", named("second")))
    inner.add_api_route("/x", named("first"))
    app.mount("/sub", inner)
    table = Table(app, lambda route: getattr(route.endpoint, "__name__", ""))

    assert table.match(http_scope(path="/sub/x")) == "first"
    assert table.match(http_scope(path="/sub/x", headers=[(b"x-version", b"2")])) == "second"
