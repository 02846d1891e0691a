"""A route that answers without asking again never answers somebody whom asking would have refused."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator
from typing import Any

import fastapi
import httpx2
import pytest
from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.routing import APIRoute
from starlette.requests import HTTPConnection
from starlette.types import Receive, Scope, Send

from fastness import CurrentUser, OptionalUser, Settings, limit, public, require, secure
from fastness.chain import Secured
from fastness.controls.access import Require, current_user
from fastness.controls.body import body_limit
from fastness.core.principal import Principal
from fastness.shortcut import Shortcut

pytestmark = pytest.mark.anyio

# In the oldest version that we support FastAPI makes the handler of an included route again for every request.
KEEPS_INCLUDED = "app" in getattr(fastapi.routing, "_EffectiveRouteContext").__dataclass_fields__  # noqa: B009


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Require]:
    """Every requirement that FastAPI itself has called."""
    found: list[Require] = []
    original = Require.__call__

    @functools.wraps(original)
    async def noting(self: Require, connection: HTTPConnection) -> Principal:
        found.append(self)
        return await original(self, connection)

    monkeypatch.setattr(Require, "__call__", noting)
    return found


def secured(app: FastAPI) -> Secured:
    return secure(app, Settings(environment="development"), roles={"reader": ["items:read"]})


def bearer(chain: Secured, *roles: str) -> dict[str, str]:
    assert chain.tokens is not None
    return {"Authorization": f"Bearer {chain.tokens.issue('ann', roles=roles)}"}


def client(app: Any) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://testserver")


def add_routes(router: APIRouter | FastAPI) -> None:
    @router.get("/admin", dependencies=[Depends(require(role="admin"))])
    async def admin() -> str:
        return "admin"

    @router.get("/read", dependencies=[Depends(require(permission="items:read"))])
    def read() -> str:
        return "read"

    @router.get("/me")
    async def me(who: CurrentUser, greeting: str = "hello") -> str:
        return f"{greeting} {who.id}"

    @router.get("/sync")
    def sync(who: CurrentUser, request: Request) -> str:
        return f"{request.method} {who.id}"

    @router.get("/connection")
    async def connected(who: CurrentUser, connection: HTTPConnection) -> str:
        return f"{connection.url.path} {who.id}"

    @router.get("/maybe")
    @public("it greets everybody")
    async def maybe(who: OptionalUser) -> str:
        return who.id if who is not None else "nobody"

    @router.get("/stream")
    async def stream(who: CurrentUser) -> AsyncIterator[str]:
        yield who.id


@pytest.fixture(params=["own", "included"])
def app(request: pytest.FixtureRequest) -> FastAPI:
    app = FastAPI()
    if request.param == "own":
        add_routes(app)
    else:
        router = APIRouter()
        add_routes(router)
        app.include_router(router)
    return app


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/admin", "admin"),
        ("/read", "read"),
        ("/me?greeting=hi", "hi ann"),
        ("/sync", "GET ann"),
        ("/connection", "/connection ann"),
        ("/maybe", "ann"),
        ("/stream", "ann"),
    ],
)
async def test_a_caller_who_may_gets_the_answer(app: FastAPI, path: str, answer: str) -> None:
    chain = secured(app)

    async with client(app) as http:
        reply = await http.get(path, headers=bearer(chain, "admin", "reader"))

    assert (reply.status_code, answer in reply.text) == (200, True)


@pytest.mark.parametrize("path", ["/admin", "/read", "/me", "/sync", "/connection", "/stream"])
async def test_a_stranger_is_refused_everywhere(app: FastAPI, path: str) -> None:
    secured(app)

    async with client(app) as http:
        reply = await http.get(path)

    assert (reply.status_code, reply.json()["code"]) == (401, "unauthenticated")


@pytest.mark.parametrize("path", ["/admin", "/read"])
async def test_a_caller_without_the_role_is_refused(app: FastAPI, path: str) -> None:
    chain = secured(app)

    async with client(app) as http:
        assert (await http.get(path, headers=bearer(chain, "admin", "reader"))).status_code == 200
        reply = await http.get(path, headers=bearer(chain, "guest"))

    assert (reply.status_code, reply.json()["code"]) == (403, "insufficient_scope")


async def test_an_optional_caller_may_be_nobody(app: FastAPI) -> None:
    secured(app)

    async with client(app) as http:
        assert (await http.get("/maybe")).json() == "nobody"
        assert (await http.get("/maybe", headers={"Authorization": "Bearer bad"})).status_code == 401


async def test_what_the_chain_has_settled_is_not_asked_again(app: FastAPI, asked: list[Require]) -> None:
    if not (KEEPS_INCLUDED or any(isinstance(route, APIRoute) for route in app.routes)):
        return  # this version asks again, which is slower and no less safe
    chain = secured(app)

    async with client(app) as http:
        for path in ("/admin", "/read", "/me", "/sync", "/connection"):
            assert (await http.get(path, headers=bearer(chain, "admin", "reader"))).status_code == 200
        assert asked == []
        await http.get("/admin", headers=bearer(chain))

    assert [who.roles for who in asked] == [{"admin"}], "a refusal is the dependency's own"


async def test_declared_limits_and_body_limits_are_kept(app: FastAPI) -> None:
    @app.post("/items", dependencies=[Depends(limit("2/hour")), Depends(body_limit(10))])
    @public("the test posts")
    async def items(request: Request) -> int:
        return len(await request.body())

    secured(app)

    async with client(app) as http:
        assert (await http.post("/items", content=b"x" * 11)).status_code == 413
        assert [(await http.post("/items", content=b"x")).status_code for _ in range(3)] == [200, 200, 429]


async def test_an_override_in_a_test_is_obeyed_and_can_be_taken_back(app: FastAPI) -> None:
    secured(app)
    async with client(app) as http:
        assert (await http.get("/me")).status_code == 401
        app.dependency_overrides[current_user] = lambda: Principal(id="eve", roles=frozenset({"admin"}))
        assert (await http.get("/me")).json() == "hello eve"
        assert (await http.get("/admin")).json() == "admin"
        app.dependency_overrides.clear()
        assert (await http.get("/me")).status_code == 401


async def test_an_override_that_refuses_beats_a_good_token(app: FastAPI) -> None:
    chain = secured(app)
    app.dependency_overrides[current_user] = lambda: None

    async with client(app) as http:
        assert (await http.get("/admin", headers=bearer(chain, "admin"))).status_code == 401


@pytest.mark.parametrize("kind", ["a plain application", "another secured application"])
async def test_the_same_route_reached_around_the_chain_asks_itself(kind: str) -> None:
    app = FastAPI()
    add_routes(app)
    chain = secured(app)
    headers = bearer(chain, "admin")
    async with client(app) as http:
        assert (await http.get("/admin", headers=headers)).status_code == 200

    around = FastAPI()
    around.mount("/x", app.router)
    if kind == "another secured application":
        secured(around)

    async with client(around) as http:
        reply = await http.get("/x/admin", headers=headers)

    # Without a chain nobody is anybody; another chain does not know this token.
    assert reply.status_code == (401 if kind == "another secured application" else 503)


async def test_a_requirement_of_ones_own_is_always_asked() -> None:
    class Named(Require):
        async def __call__(self, connection: HTTPConnection) -> Principal:
            who = await super().__call__(connection)
            if who.id != "bob":
                raise fastapi.HTTPException(403, "not Bob")
            return who

    app = FastAPI()

    @app.get("/bob", dependencies=[Depends(Named())])
    async def bob() -> str:
        return "bob"

    chain = secured(app)

    async with client(app) as http:
        assert (await http.get("/bob", headers=bearer(chain))).status_code == 403


async def test_a_handler_that_somebody_wrapped_is_left_alone() -> None:
    app, seen = FastAPI(), []
    add_routes(app)
    route = next(each for each in app.routes if isinstance(each, APIRoute) and each.path == "/admin")
    original = route.app

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope["path"])
        await original(scope, receive, send)

    route.app = wrapped
    chain = secured(app)

    async with client(app) as http:
        assert (await http.get("/admin", headers=bearer(chain, "admin"))).status_code == 200

    assert seen == ["/admin"]


async def test_a_route_class_of_ones_own_handles_both_ways() -> None:
    seen: list[str] = []

    class Noting(APIRoute):
        def get_route_handler(self) -> Any:
            handler = super().get_route_handler()

            async def noting(request: Request) -> Any:
                seen.append(request.url.path)
                return await handler(request)

            return noting

    app = FastAPI()
    router = APIRouter(route_class=Noting)
    add_routes(router)
    app.include_router(router, prefix="/v1")
    chain = secured(app)

    async with client(app) as http:
        assert (await http.get("/v1/admin", headers=bearer(chain, "admin"))).status_code == 200
        assert (await http.get("/v1/admin", headers=bearer(chain))).status_code == 403

    assert seen == ["/v1/admin", "/v1/admin"]


async def test_routes_added_after_the_start_are_asked_and_then_settled(asked: list[Require]) -> None:
    app = FastAPI()
    add_routes(app)
    chain = secured(app)
    async with client(app) as http:
        assert (await http.get("/admin", headers=bearer(chain, "admin"))).status_code == 200

        @app.get("/late", dependencies=[Depends(require(role="admin"))])
        async def late() -> str:
            return "late"

        assert (await http.get("/late", headers=bearer(chain))).status_code == 403
        asked.clear()
        assert (await http.get("/late", headers=bearer(chain, "admin"))).status_code == 200
        assert (await http.get("/admin", headers=bearer(chain, "admin"))).status_code == 200

    assert asked == []


def test_a_route_is_given_one_shortcut_however_often_it_is_compiled() -> None:
    app = FastAPI()
    add_routes(app)
    chain = secured(app)
    chain.gate.afresh()
    route = next(each for each in app.routes if isinstance(each, APIRoute) and each.path == "/admin")
    first = route.app
    chain.gate.afresh()

    assert isinstance(first, Shortcut)
    assert route.app is first
    assert not isinstance(first.full, Shortcut)


def test_the_openapi_document_still_names_the_requirement(app: FastAPI) -> None:
    chain = secured(app)
    chain.gate.afresh()

    paths = app.openapi()["paths"]

    assert all(paths[path]["get"]["security"] for path in ("/admin", "/read", "/me", "/sync"))
