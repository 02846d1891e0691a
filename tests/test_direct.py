"""A route that is called where the chain ends answers, and sees, exactly what it would behind FastAPI's stack."""

from __future__ import annotations

import functools
import sys
from collections.abc import AsyncIterator, Callable
from typing import Annotated, Any

import fastapi
import httpx2
import pytest
from fastapi import APIRouter, BackgroundTasks, Depends, FastAPI, Form, HTTPException, Request
from fastapi.responses import JSONResponse, StreamingResponse
from fastapi.routing import APIRoute
from starlette.convertors import CONVERTOR_TYPES, StringConvertor
from starlette.types import ASGIApp, Receive, Scope, Send

try:
    from starlette.middleware import body_limit
except ImportError:  # as in `direct.py`
    body_limit = None  # type: ignore[assignment]

from fastness import CurrentUser, Settings, public, require, secure
from fastness.chain import Secured

pytestmark = pytest.mark.anyio

# In the oldest version that we support FastAPI makes the handler of an included route again for every request.
KEEPS_INCLUDED = "app" in getattr(fastapi.routing, "_EffectiveRouteContext").__dataclass_fields__  # noqa: B009

MAX_BODY_SIZE: str = getattr(body_limit, "MAX_BODY_SIZE_SCOPE_KEY", "")


class Teapot(Exception):
    """Something that the application answers itself."""


class Idle:
    """Middleware of an application that does nothing; with it the stack is needed."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)


def straight() -> bool:
    """Whether the code that asks was called without FastAPI's stack. To see it from within, the stack must stay as it is."""
    frame = sys._getframe()
    while frame.f_back is not None:
        frame = frame.f_back
        if frame.f_code.co_filename.endswith("starlette/middleware/exceptions.py"):
            return False
    return True


RAN: list[str] = []
"""What ran while one request was answered, in this order."""


def note() -> None:
    RAN.append("straight" if straight() else "stack")


async def session() -> AsyncIterator[str]:
    RAN.append("opened")
    yield "session"
    RAN.append("closed")


@pytest.fixture(autouse=True)
def nothing_ran() -> None:
    RAN.clear()


def add_routes(router: APIRouter | FastAPI) -> None:
    admin = [Depends(require(role="admin"))]

    @router.get("/things/{number:int}/{name}", dependencies=admin, name="thing")
    async def thing(request: Request, number: int, name: str, page: int = 1) -> dict[str, Any]:
        note()
        scope = request.scope
        return {
            "given": [number, name, page],
            "params": scope["path_params"],
            "route": scope["route"].path,
            "endpoint": scope["endpoint"].__name__,
            "url": str(request.url_for("thing", number=1, name="x")),
            "app": scope["app"] is request.app and scope["router"] is request.app.router,
            "files": type(scope["fastapi_middleware_astack"]).__name__,
        }

    @router.post("/things", dependencies=admin, status_code=201)
    async def make(given: dict[str, int], session: Annotated[str, Depends(session)], later: BackgroundTasks) -> Any:
        note()
        later.add_task(RAN.append, "later")
        return {**given, "in": session}

    @router.post("/forms", dependencies=admin)
    async def form(text: Annotated[str, Form()]) -> str:
        note()
        return text

    @router.get("/fails/{how}", dependencies=admin)
    async def fails(how: str, session: Annotated[str, Depends(session)]) -> None:
        note()
        raise {"teapot": Teapot(session), "http": HTTPException(409, "taken"), "bug": KeyError("bug")}[how]

    @router.get("/stream")
    async def stream(_: CurrentUser) -> StreamingResponse:
        async def parts() -> AsyncIterator[str]:
            yield "a"
            yield "b"

        note()
        return StreamingResponse(parts())

    @router.get("/open")
    @public("it greets everybody")
    async def greeting() -> str:
        note()
        return "hello"


async def teapot(_: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"short": str(error)}, 418)


def built(*, included: bool = False, **more: Any) -> tuple[FastAPI, Secured]:
    app = FastAPI(exception_handlers={Teapot: teapot}, **more)
    chain = secure(app, Settings(environment="development"))
    if included:
        inner, outer = APIRouter(prefix="/inner"), APIRouter(prefix="/outer")
        add_routes(inner)
        outer.include_router(inner)
        app.include_router(outer)
    else:
        add_routes(app)
    return app, chain


async def ask(app: FastAPI, chain: Secured, method: str, path: str, **more: Any) -> httpx2.Response:
    assert chain.tokens is not None
    headers = {"Authorization": f"Bearer {chain.tokens.issue('ann', roles=['admin'])}", "X-Request-ID": "x"}
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://testserver") as client:
        return await client.request(method, path, headers=headers, **more)


REQUESTS: list[tuple[str, str, dict[str, Any], str]] = [
    ("GET", "/things/7/a%20b?page=2", {}, "straight"),
    ("GET", "/things/7/a?page=x", {}, ""),
    ("GET", "/things/seven/a", {}, ""),
    ("DELETE", "/things/7/a", {}, ""),
    ("GET", "/things/7/a/", {}, ""),
    ("POST", "/things", {"json": {"a": 1}}, "straight"),
    ("POST", "/things", {"json": {"a": "x"}}, ""),
    ("POST", "/things", {"content": b"{"}, ""),
    ("POST", "/forms", {"data": {"text": "x"}}, "stack"),
    ("GET", "/fails/teapot", {}, "straight"),
    ("GET", "/fails/http", {}, "straight"),
    ("GET", "/fails/bug", {}, "straight"),
    ("GET", "/stream", {}, "straight"),
    ("GET", "/open", {}, "stack"),
    ("GET", "/nowhere", {}, ""),
]


@pytest.mark.parametrize("included", [False, True])
@pytest.mark.parametrize(("method", "path", "more", "way"), REQUESTS, ids=[f"{m} {p}" for m, p, *_ in REQUESTS])
async def test_the_answer_and_what_ran_are_those_of_the_stack(
    method: str, path: str, more: dict[str, Any], way: str, *, included: bool
) -> None:
    prefix = "/outer/inner" if included else ""
    one = await ask(*built(included=included), method, prefix + path, **more)
    direct = RAN.copy()
    RAN.clear()
    app, chain = built(included=included)
    app.add_middleware(Idle)
    other = await ask(app, chain, method, prefix + path, **more)

    assert (one.status_code, _lasting(one)) == (other.status_code, _lasting(other))
    if included and not KEEPS_INCLUDED:
        way = way and "stack"
    assert [step for step in direct if step in {"straight", "stack"}] == ([way] if way else [])
    assert ["stack" if step == "straight" else step for step in direct] == RAN


def _lasting(answer: httpx2.Response) -> tuple[str, dict[str, str]]:
    request_id = answer.headers["x-request-id"]
    return answer.text.replace(request_id, ""), {k: v for k, v in answer.headers.items() if v != request_id}


def idle(app: FastAPI, _: pytest.MonkeyPatch) -> None:
    app.add_middleware(Idle)


def other_router(app: FastAPI, _: pytest.MonkeyPatch) -> None:
    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        await app.router.app(scope, receive, send)

    app.router.middleware_stack = wrapped


def traced_route(_: FastAPI, monkeypatch: pytest.MonkeyPatch) -> None:
    original = APIRoute.handle

    @functools.wraps(original)
    async def traced(self: APIRoute, scope: Scope, receive: Receive, send: Send) -> None:
        await original(self, scope, receive, send)

    monkeypatch.setattr(APIRoute, "handle", traced)


def debugging(app: FastAPI, _: pytest.MonkeyPatch) -> None:
    app.debug = True


@pytest.mark.parametrize("need", [idle, other_router, traced_route, debugging])
async def test_whatever_somebody_put_into_the_stack_is_asked(
    need: Callable[[FastAPI, pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    app, chain = built()
    need(app, monkeypatch)

    answer = await ask(app, chain, "GET", "/things/7/a")

    assert (answer.status_code, RAN) == (200, ["stack"])


class OwnRoute(APIRoute):
    """Somebody's route that answers in a way of its own."""

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["handled"] = True
        await super().handle(scope, receive, send)


async def test_what_wraps_a_route_after_the_start_is_called() -> None:
    app, chain = built()
    await ask(app, chain, "GET", "/things/7/a")
    route = next(route for route in app.routes if isinstance(route, APIRoute) and route.name == "thing")
    inner = route.app

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        RAN.append("wrapped")
        await inner(scope, receive, send)

    route.app = wrapped
    RAN.clear()

    await ask(app, chain, "GET", "/things/7/a")

    assert RAN == ["wrapped", "straight"]


class Broken(StringConvertor):
    """A convertor that does not take what its expression takes."""

    def convert(self, value: str) -> str:
        raise Teapot(value)


async def test_what_a_convertor_raises_is_answered_by_the_applications_handler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CONVERTOR_TYPES, "broken", Broken())
    app, chain = built()

    @app.get("/broken/{word:broken}", dependencies=[Depends(require(role="admin"))])
    async def broken(word: str) -> str:
        return word

    answer = await ask(app, chain, "GET", "/broken/pot")

    assert (answer.status_code, answer.json()) == (418, {"short": "pot"})


async def test_two_requests_share_nothing_that_a_route_writes_into_its_scope() -> None:
    app, router = FastAPI(), APIRouter()
    chain = secure(app, Settings(environment="development"))

    @router.get("/own", dependencies=[Depends(require(role="admin"))])
    async def own(request: Request) -> bool:
        before = "mine" in request.scope["fastapi"]
        request.scope["fastapi"]["mine"] = True
        return before

    app.include_router(router)

    assert [(await ask(app, chain, "GET", "/own")).json() for _ in range(2)] == [False, False]


async def test_a_route_of_another_class_is_handled_by_it() -> None:
    app = FastAPI()
    chain = secure(app, Settings(environment="development"))
    app.router.route_class = OwnRoute

    @app.get("/own", dependencies=[Depends(require(role="admin"))])
    async def own(request: Request) -> list[bool]:
        return [request.scope["handled"], straight()]

    assert (await ask(app, chain, "GET", "/own")).json() == [True, False]


class OwnRouter(APIRouter):
    """Somebody's router that answers in a way of its own."""

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["handled"] = True
        await super().handle(scope, receive, send)


async def test_a_router_of_another_class_is_asked() -> None:
    app, router = FastAPI(), OwnRouter()
    chain = secure(app, Settings(environment="development"))

    @router.get("/own", dependencies=[Depends(require(role="admin"))])
    async def own(request: Request) -> list[bool]:
        return [request.scope["handled"], straight()]

    app.include_router(router)

    assert (await ask(app, chain, "GET", "/own")).json() == [True, False]


async def test_a_mounted_application_is_reached_through_its_mount() -> None:
    inner, app = FastAPI(), FastAPI()
    chain = secure(app, Settings(environment="development"))

    @inner.get("/own", dependencies=[Depends(require(role="admin"))])
    async def own(request: Request) -> list[Any]:
        return [request.scope["root_path"], straight()]

    app.mount("/inner", inner)

    assert (await ask(app, chain, "GET", "/inner/own")).json() == ["/inner", False]


async def test_a_dependency_that_a_test_replaces_is_asked() -> None:
    app, chain = built()
    app.dependency_overrides[print] = print

    await ask(app, chain, "GET", "/things/7/a")

    assert RAN == ["stack"]


async def test_a_caller_without_the_role_is_refused_as_ever() -> None:
    app, chain = built()
    assert chain.tokens is not None
    headers = {"Authorization": f"Bearer {chain.tokens.issue('bob', roles=['user'])}"}

    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://testserver") as client:
        answers = [await client.get("/things/7/a", headers=given) for given in (headers, {})]

    assert ([answer.status_code for answer in answers], RAN) == ([403, 401], [])


@pytest.mark.parametrize("key", ["fastapi.telemetry", *([MAX_BODY_SIZE] if MAX_BODY_SIZE else [])])
async def test_what_the_stack_watches_over_goes_through_it(key: str) -> None:
    app, chain = built()

    async def observed(scope: Scope, receive: Receive, send: Send) -> None:
        scope[key] = None
        await app(scope, receive, send)

    assert chain.tokens is not None
    headers = {"Authorization": f"Bearer {chain.tokens.issue('ann', roles=['admin'])}"}
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(observed), base_url="http://testserver") as client:
        answer = await client.get("/things/7/a", headers=headers)

    assert (answer.status_code, RAN) == (200, ["stack"])
