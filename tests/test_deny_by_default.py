"""Nothing is served that nobody declared, however it was put into the application."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from fastapi import APIRouter, Depends, FastAPI, WebSocket
from starlette.endpoints import HTTPEndpoint
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import BaseRoute, Match, Route, Router

from by_hand import ask
from fastness import CurrentUser, Settings, limit, public, require, secure
from fastness.controls.hosts import HostSettings
from fastness.core.declare import provides

pytestmark = pytest.mark.anyio

ELSEWHERE = [(b"host", b"api.localhost")]


def development() -> Settings:
    return Settings(environment="development")


def problems(app: FastAPI, **parts: Any) -> str:
    return "\n".join(map(str, secure(app, development(), **parts).problems()))


async def text(request: Request) -> PlainTextResponse:
    return PlainTextResponse(request.scope["path"])


async def files(scope: Any, receive: Any, send: Any) -> None:
    await PlainTextResponse("a file")(scope, receive, send)


async def test_an_undeclared_websocket_stops_the_start() -> None:
    app, inner = FastAPI(), FastAPI()

    @app.websocket("/ws")
    async def ws(socket: WebSocket) -> None: ...

    @inner.websocket("/in")
    async def inside(socket: WebSocket) -> None: ...

    app.mount("/sub", inner)

    assert "WEBSOCKET /ws, WEBSOCKET /sub/in" in problems(app)


async def test_what_a_router_serves_by_default_is_a_route_too() -> None:
    app, inside = FastAPI(), FastAPI()
    app.router.default = files
    inside.mount("/sub", Router([Route("/x", Greeting)], default=files))

    assert "MOUNT /" in problems(app)
    assert "MOUNT /sub" in problems(inside)


async def test_what_the_lifespan_changes_without_adding_a_route_is_seen_before_serving() -> None:
    app = FastAPI()
    app.add_api_route("/x", public("open")(lambda: "open"))
    (declared,) = app.router.routes[-1:]
    secured = secure(app, development())
    assert secured.problems() == []

    app.router.routes[app.router.routes.index(declared)] = Route("/x", text)

    assert "GET,HEAD /x" in str(secured.problems()[0])


async def test_a_route_added_to_the_application_of_a_host_after_the_start_answers_403() -> None:
    app, other = FastAPI(), FastAPI()
    other.add_api_route("/known", public("first")(lambda: "open"))
    app.host("api.localhost", other)
    secure(app, development(), hosts=["localhost", "api.localhost"])
    known = await ask(app, path="/known", headers=ELSEWHERE)

    other.add_api_route("/late", lambda: "open")
    late = await ask(app, path="/late", headers=ELSEWHERE)

    assert (known.status, late.status) == (200, 403)


async def test_a_route_of_another_host_is_named_with_it_and_not_opened_by_the_same_path_here() -> None:
    app, other = FastAPI(), FastAPI()
    app.add_route("/", text)
    other.add_api_route("/", lambda: "open")
    app.host("api.localhost", other)
    app.host("files.localhost", files)

    found = problems(app, public={"/": "the home page"})

    assert "GET //api.localhost/" in found
    assert "MOUNT //files.localhost" in found
    assert "GET,HEAD /," not in found


async def test_a_limit_beside_a_host_route_is_checked_at_the_start() -> None:
    app, other = FastAPI(), FastAPI()
    other.add_api_route("/in", public("open")(lambda: None), dependencies=[Depends(limit("5/minute"))])
    app.host("api.localhost", other)
    app.add_api_route("/here", public("open")(lambda: None), dependencies=[Depends(limit("5/minute"))])

    assert problems(app) == ""


async def test_the_home_page_declared_public_opens_no_mount() -> None:
    app, inner = FastAPI(), FastAPI()
    app.add_route("/", text)
    inner.add_api_route("/door", lambda: "open")
    app.mount("/sub", inner)
    app.mount("/files", files)

    found = problems(app, public={"/": "the home page"})

    assert "GET /sub/door" in found
    assert "MOUNT /files" in found


async def test_a_mount_declared_public_is_open_with_all_that_lives_in_it_but_its_documentation() -> None:
    app, inner = FastAPI(), FastAPI()
    inner.add_api_route("/door", lambda: "open")
    inner.mount("/files", files)
    app.mount("/sub", inner)
    secure(app, Settings(hosts=HostSettings(allowed=("localhost",))), public={"/sub": "everybody's"})

    found = [
        (await ask(app, path=path)).status for path in ("/sub/door", "/sub/files/a", "/sub/docs", "/sub/openapi.json")
    ]

    assert found == [200, 200, 404, 404]


async def test_a_class_does_not_inherit_that_its_parent_is_public() -> None:
    class Secret(Greeting):
        pass

    app = FastAPI()
    kinds: list[tuple[str, Any]] = [("/greeting", Greeting), ("/secret", Secret)]
    for path, kind in kinds:
        app.add_route(path, kind)

    found = problems(app)

    assert "/secret" in found
    assert "/greeting" not in found


@public("a greeting")
class Greeting(HTTPEndpoint):
    async def get(self, request: Request) -> PlainTextResponse:
        return PlainTextResponse("hello")


class Methods:
    @public("an instance")
    async def method(self) -> str:
        return "open"


@public("its instances are endpoints")
class Instances:
    async def __call__(self) -> str:
        return "open"


def passing(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    async def wrapper(*args: Any, **kwargs: Any) -> Any:
        return await function(*args, **kwargs)

    return wrapper


async def opened(word: str = "open") -> str:
    return word


async def test_public_counts_wherever_it_stands() -> None:
    app = FastAPI()

    @public("above the route")
    @app.get("/above")
    async def above() -> str:
        return "open"

    @app.get("/below")
    @public("below the route")
    def below() -> str:
        return "open"

    @app.get("/wrapped")
    @passing
    @public("inside another decorator")
    async def wrapped() -> str:
        return "open"

    app.add_api_route("/method", Methods().method)
    app.add_api_route("/instance", Instances())
    app.add_api_route("/partial", functools.partial(public("bound")(opened), word="bound"))
    secured = secure(app, development())

    paths = ("/above", "/below", "/wrapped", "/method", "/instance", "/partial")
    assert secured.problems() == []
    assert [(await ask(app, path=path)).status for path in paths] == [200] * len(paths)


async def test_a_decision_about_access_counts_in_every_shape_a_dependency_has() -> None:
    @dataclass  # compares by value, so it has no hash
    class Paging:
        most: int = 10

        def __call__(self) -> int:
            return self.most

    class Session:
        async def __call__(self) -> str:
            return "theirs"

        async def user(self) -> str:
            return "theirs"

    @provides("access")
    async def signed_in(realm: str = "") -> str:
        return realm

    session, app = Session(), FastAPI()
    shapes: dict[str, Any] = {
        "instance": session,
        "method": session.user,
        "partial": functools.partial(signed_in, realm="x"),
    }
    for name, dependency in shapes.items():
        app.add_api_route(f"/{name}", lambda: "open", dependencies=[Depends(dependency)])
    app.add_api_route("/paged", lambda: "open", dependencies=[Depends(Paging())])

    found = problems(app, access=[session, session.user])

    assert "where: GET /paged\n" in found


class Anywhere(BaseRoute):
    """Answers under a prefix that only its own code knows."""

    def __init__(self, prefix: str, match: Match = Match.FULL) -> None:
        self.prefix, self.match = prefix, match

    def matches(self, scope: Any) -> tuple[Match, Any]:
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        return (self.match if path.startswith(self.prefix) else Match.NONE), {}

    async def handle(self, scope: Any, receive: Any, send: Any) -> None:
        await PlainTextResponse("anywhere")(scope, receive, send)


async def test_somebodys_own_kind_of_route_added_inside_a_mount_after_the_start_answers_403() -> None:
    app, inner = FastAPI(), FastAPI()
    app.mount("/sub", inner)
    secure(app, development())
    before = await ask(app, path="/sub/any/thing")

    inner.router.routes.append(Anywhere("/any"))
    after = await ask(app, path="/sub/any/thing")

    assert (before.status, after.status) == (404, 403)


class Loose(Route):
    """A route whose own code matches more than its path."""

    def matches(self, scope: Any) -> tuple[Match, Any]:
        return (Match.FULL if scope["path"].endswith("loose") else Match.NONE), {"endpoint": self.endpoint}


async def test_a_route_that_matches_by_its_own_code_is_found_by_it() -> None:
    app = FastAPI()
    secure(app, development())
    await ask(app)

    app.router.routes.append(Loose("/tight", text))

    assert (await ask(app, path="/very/loose")).status == 403


async def test_files_behind_a_routers_requirement_are_declared(tmp_path: Path) -> None:
    router = APIRouter(dependencies=[Depends(require(role="admin"))])
    if not hasattr(router, "frontend"):
        pytest.skip("this FastAPI has no frontend()")
    (tmp_path / "index.html").write_text("secret")
    router.frontend("/admin", directory=tmp_path)
    app = FastAPI()
    app.include_router(router, prefix="/site")
    secured = secure(app, development())

    assert secured.problems() == []
    assert (await ask(app, path="/site/admin/")).status == 401


async def test_the_most_specific_files_decide_as_they_do_in_fastapi(tmp_path: Path) -> None:
    app = FastAPI()
    if not hasattr(app, "frontend"):
        pytest.skip("this FastAPI has no frontend()")
    (tmp_path / "index.html").write_text("page")
    app.frontend("/", directory=tmp_path)
    app.frontend("/admin", directory=tmp_path)

    assert "where: MOUNT /admin\n" in problems(app, public={"/": "the site"})


@pytest.mark.parametrize("path", ["/tags/\u200d", "/tags/\u3000", "/tags/\U0001f468\u200d\U0001f469"])
async def test_a_path_in_any_language_passes_and_a_control_character_does_not(path: str) -> None:
    app = FastAPI()
    app.add_api_route("/tags/{tag}", public("tags")(lambda tag: tag))
    secure(app, development())

    assert (await ask(app, path=path)).status == 200
    for bad in ("\n", "\x00", "\x7f", "\x85", "\ud800"):
        assert (await ask(app, path="/tags/" + bad)).status == 400


async def test_a_number_longer_than_python_reads_is_the_callers_mistake() -> None:
    app = FastAPI()
    app.add_api_route("/{n:int}", public("numbers")(lambda n: len(str(n))))
    secure(app, development())

    assert [(await ask(app, path="/" + "9" * digits)).status for digits in (4300, 4301, 60_000)] == [200, 400, 414]


async def test_securing_an_application_that_has_started_is_an_error() -> None:
    app = FastAPI()
    await ask(app)

    with pytest.raises(ValueError, match="started"):
        secure(app, development())


async def test_a_mounted_application_answers_401_and_hides_its_input_as_the_outer_one_does() -> None:
    app, inner = FastAPI(), FastAPI()

    @inner.get("/me")
    async def me(user: CurrentUser) -> str:
        return user.id

    @inner.get("/number")
    @public("a number")
    async def number(n: int) -> int:
        return n

    app.mount("/sub", inner)
    secure(app, development())

    refused, wrong = await ask(app, path="/sub/me"), await ask(app, path="/sub/number")

    assert (refused.status, refused.json["code"]) == (401, "unauthenticated")
    assert (wrong.status, wrong.json["code"]) == (422, "invalid_input")


async def test_an_application_mounted_after_the_start_answers_401_too() -> None:
    app, inner = FastAPI(), FastAPI()

    @inner.get("/me")
    async def me(user: CurrentUser) -> str:
        return user.id

    secure(app, development())
    await ask(inner, path="/me/nowhere")
    await ask(app)
    app.mount("/sub", inner)

    assert (await ask(app, path="/sub/me")).status == 401


async def test_without_the_problems_control_a_refusal_is_still_one() -> None:
    app = FastAPI()

    @app.get("/me")
    async def me(user: CurrentUser) -> str:
        return user.id

    secure(app, development(), problems=False)

    assert (await ask(app, path="/me")).status == 401


async def test_a_declared_limit_behind_a_route_that_takes_every_value_stops_the_start() -> None:
    app = FastAPI()
    app.add_api_route("/users/{name}", public("first")(lambda name: name))
    app.add_api_route("/users/{it}", public("second")(lambda it: it), dependencies=[Depends(limit("5/minute"))])

    assert "limit that no request can reach" in problems(app)
