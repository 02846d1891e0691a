"""The route table must agree with FastAPI's own router, whatever the tree looks like."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi import APIRouter, Depends, FastAPI, WebSocket
from fastapi.staticfiles import StaticFiles
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from fastness.routes import Route, Table, walk


async def need() -> None: ...


async def nested_need(_: None = Depends(need)) -> None: ...


def tree() -> FastAPI:
    app, router, outer = FastAPI(), APIRouter(prefix="/r", dependencies=[Depends(nested_need)]), APIRouter(prefix="/o")
    for path in ("/me", "/x/{id}", "/file/{rest:path}"):
        router.add_api_route(path, need)

    @router.websocket("/ws")
    async def ws(socket: WebSocket) -> None: ...

    inside = FastAPI()
    inside.add_api_route("/in/{number:float}", need)
    outer.include_router(router)
    app.include_router(outer)
    app.mount("/sub", inside)
    app.mount("/static", StaticFiles(directory="/", check_dir=False))
    return app


def named(app: Any) -> set[str]:
    return {str(route) for route in walk(app)}


def test_routes_of_included_routers_and_mounted_applications_are_seen() -> None:
    seen = named(tree())

    assert {
        "GET /o/r/me",
        "GET /o/r/x/{id}",
        "WEBSOCKET /o/r/ws",
        "GET /sub/in/{number:float}",
        "MOUNT /static",
    } <= seen


def test_dependencies_of_routers_and_their_dependencies_are_merged() -> None:
    route = next(route for route in walk(tree()) if route.path == "/o/r/me")

    assert route.calls == (nested_need, need)


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/o/r/x/3", "GET /o/r/x/{id}"),
        ("GET", "/o/r/file/a/b", "GET /o/r/file/{rest:path}"),
        ("POST", "/o/r/me", None),
        ("GET", "/sub/in/2.5", "GET /sub/in/{number:float}"),
        ("GET", "/sub/in/word", None),
        ("GET", "/static/a/b.css", "MOUNT /static"),
        ("GET", "/nowhere", None),
    ],
)
def test_a_path_finds_its_route(method: str, path: str, expected: str | None) -> None:
    table = Table(tree(), str)

    assert table.match({"type": "http", "method": method, "path": path}) == expected


def test_root_path_is_taken_off_as_starlette_does() -> None:
    table = Table(tree(), str)

    found = table.match({"type": "http", "method": "GET", "path": "/api/o/r/me", "root_path": "/api"})

    assert found == "GET /o/r/me"


def test_a_route_added_later_makes_the_table_stale_wherever_it_was_added() -> None:
    app, router = FastAPI(), APIRouter()
    app.include_router(router)
    for owner, path in ((app, "/a"), (router, "/b")):
        table = Table(app, str)
        assert not table.stale()
        owner.add_api_route(path, need)
        assert table.stale()


def test_swapping_one_route_for_another_makes_the_table_stale() -> None:
    app = FastAPI()
    app.add_api_route("/a", need)
    table = Table(app, str)

    app.router.routes.pop()
    app.add_api_route("/b", need)

    assert table.stale()


PATTERNS = [
    "/a",
    "/a/b",
    "/a/{x}",
    "/{x}",
    "/{x}/b",
    "/a/{x:int}",
    "/a/{x:path}",
    "/a.b",
    "/{x}/{y}",
    "/a/b/c",
    "/a-b/{x}",
]
PATHS = ["/a", "/a/b", "/a/1", "/b", "/a.b", "/axb", "/a/b/c", "/a/", "/", "/a/b/c/d", "/a-b/1", "/é", "/a/b\n"]


@settings(max_examples=60, derandomize=True, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(PATTERNS), st.sampled_from(["GET", "POST"]), st.sampled_from(["", "inc", "mount"])),
        min_size=1,
        max_size=7,
    )
)
def test_the_table_always_agrees_with_the_router(routes: list[tuple[str, str, str]]) -> None:
    app = FastAPI(openapi_url=None, redirect_slashes=False)
    for number, (path, method, how) in enumerate(routes):

        async def answer(number: int = number) -> int:
            return number

        owner: Any = (
            app if not how else (APIRouter() if how == "inc" else FastAPI(openapi_url=None, redirect_slashes=False))
        )
        owner.add_api_route(path, answer, methods=[method], name=str(number))
        if how == "inc":
            app.include_router(owner)
        elif how == "mount":
            app.mount("/a", owner)
    numbers = {id(route.endpoint): number for number, route in enumerate(walk(app))}

    def number_of(route: Route) -> int:
        return numbers[id(route.endpoint)]

    table = Table(app, number_of)
    client = TestClient(app)
    endpoints: list[Any] = [route.endpoint for route in walk(app)]
    order = [endpoint.__defaults__[0] for endpoint in endpoints]

    for path in PATHS[:-1]:
        for method in ("GET", "POST"):
            reply = client.request(method, path.replace("é", "%C3%A9"))
            found = table.match({"type": "http", "method": method, "path": path})
            served = reply.json() if reply.status_code == 200 else None
            assert (None if found is None else order[found]) == served, (method, path, routes)
