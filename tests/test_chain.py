"""`secure(app)`: every control on every answer, in any order of calls, and nothing undeclared is served."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest
from fastapi import APIRouter, Depends, FastAPI, WebSocket
from fastapi.staticfiles import StaticFiles
from pydantic import BaseModel, SecretStr

from fastness import CurrentUser, Settings, limit, public, require, secure
from fastness.chain import Secured
from fastness.controls.body import body_limit
from fastness.controls.cors import Cors, CorsSettings
from fastness.controls.headers import Headers, HeaderSettings
from fastness.controls.hosts import Hosts, HostSettings
from fastness.controls.limits import FallbackStore
from fastness.core.store import MemoryStore

pytestmark = pytest.mark.anyio

ORIGIN = "https://app.example.com"
EVERY = (
    "content-security-policy",
    "x-content-type-options",
    "x-frame-options",
    "referrer-policy",
    "permissions-policy",
    "cross-origin-opener-policy",
    "cross-origin-resource-policy",
    "cache-control",
    "x-request-id",
)


def development(**changes: Any) -> Settings:
    return Settings(environment="development", **changes)


class Item(BaseModel):
    name: str


def routes() -> APIRouter:
    router = APIRouter()

    @router.get("/open")
    @public("anybody may greet")
    async def open_() -> str:
        return "hello"

    @router.get("/me")
    async def me(user: CurrentUser) -> str:
        return user.id

    @router.delete("/users/{user_id}", status_code=204, dependencies=[Depends(require(role="admin"))])
    async def remove(user_id: str) -> None: ...

    @router.post("/items", dependencies=[Depends(limit("2/minute"))])
    @public("a form")
    async def items(item: Item) -> str:
        return item.name

    @router.post("/big", dependencies=[Depends(body_limit("2 MiB"))])
    @public("an upload")
    async def big(item: Item) -> int:
        return len(item.name)

    @router.get("/fails")
    @public("it fails")
    async def fails() -> None:
        raise RuntimeError("hunter2")

    return router


def application(settings: Settings | None = None, **parts: Any) -> tuple[FastAPI, Secured]:
    app = FastAPI()
    secured = secure(app, settings or development(), cors=[ORIGIN], **parts)
    app.include_router(routes())
    return app, secured


@asynccontextmanager
async def client(app: Any, **more: Any) -> AsyncIterator[httpx2.AsyncClient]:
    transport = httpx2.ASGITransport(app, **more)
    async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as http:
        yield http


async def lifespan(app: Any) -> list[dict[str, Any]]:
    """Start an application and stop it again; the messages it sent."""
    incoming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)
        await incoming.put({"type": "lifespan.shutdown"})

    await incoming.put({"type": "lifespan.startup"})
    await app({"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}, incoming.get, send)
    return sent


async def test_every_status_carries_every_header_and_cors() -> None:
    app, _ = application()
    large = b'{"name":"' + b"x" * 1_100_000 + b'"}'
    asked: list[tuple[str, str, dict[str, Any], int]] = [
        ("GET", "/open", {}, 200),
        ("GET", "/me", {}, 401),
        ("GET", "/nowhere", {}, 404),
        ("POST", "/open", {}, 405),
        ("POST", "/items", {"content": b"{}"}, 422),
        ("POST", "/items", {"content": large}, 413),
        ("GET", "/fails", {}, 500),
        ("OPTIONS", "/items", {"headers": {"Access-Control-Request-Method": "POST"}}, 200),
        ("POST", "/items", {"content": b'{"name":"a"}'}, 200),
        ("POST", "/items", {"content": b'{"name":"a"}'}, 429),
    ]
    async with client(app) as http:
        for method, path, more, expected in asked:
            headers = {"Origin": ORIGIN, "Content-Type": "application/json", **more.pop("headers", {})}
            reply = await http.request(method, path, headers=headers, **more)

            assert reply.status_code in {expected, 204 if expected == 200 else expected}, (path, reply.text)
            assert [name for name in EVERY if name not in reply.headers] == [], (path, reply.status_code)
            assert reply.headers["access-control-allow-origin"] == ORIGIN, path
            assert "strict-transport-security" not in reply.headers
            if expected >= 400:
                assert reply.headers["content-type"] == "application/problem+json"
                assert reply.json()["request_id"] == reply.headers["x-request-id"]


async def test_an_error_tells_outsiders_nothing(caplog: pytest.LogCaptureFixture) -> None:
    app, _ = application()

    async with client(app) as http:
        reply = await http.get("/fails")

    assert "hunter2" not in reply.text
    assert sum("hunter2" in (record.exc_text or record.getMessage()) for record in caplog.records) == 1


async def test_the_order_of_secure_and_include_router_does_not_matter() -> None:
    first, _ = application()
    second = FastAPI()
    second.include_router(routes())
    secure(second, development())

    for app in (first, second):
        async with client(app) as http:
            assert [(await http.get(path)).status_code for path in ("/open", "/me")] == [200, 401]


async def test_two_applications_in_one_process_keep_their_own_settings() -> None:
    one, _ = application(headers=HeaderSettings(referrer_policy="same-origin"))
    other, _ = application()

    seen = []
    for app in (one, other):
        async with client(app) as http:
            seen.append((await http.get("/open")).headers["referrer-policy"])

    assert seen == ["same-origin", "no-referrer"]


async def test_a_token_opens_what_its_roles_allow() -> None:
    app, secured = application()
    assert secured.tokens is not None
    user, admin = secured.tokens.issue("ada"), secured.tokens.issue("root", roles=["admin"])

    async with client(app) as http:
        assert (await http.get("/me", headers={"Authorization": f"bearer {user}"})).json() == "ada"
        assert (await http.delete("/users/1", headers={"Authorization": f"Bearer {user}"})).status_code == 403
        assert (await http.delete("/users/1", headers={"Authorization": f"Bearer {admin}"})).status_code == 204


async def test_revoking_a_session_turns_the_next_request_into_401() -> None:
    app, secured = application()
    assert secured.tokens is not None
    bearer = {"Authorization": "Bearer " + secured.tokens.issue("ada", session="one")}

    async with client(app) as http:
        before = await http.get("/me", headers=bearer)
        secured.tokens.revocations.revoke_session("one", until=2e10)
        after = await http.get("/me", headers=bearer)

    assert (before.status_code, after.status_code, after.json()["code"]) == (200, 401, "invalid_token")


async def test_an_undeclared_route_in_an_included_router_stops_the_start() -> None:
    app, _ = application()
    router = APIRouter(prefix="/hidden")
    router.add_api_route("/door", lambda: "open", methods=["DELETE"])
    app.include_router(router)

    (message,) = await lifespan(app)

    assert message["type"] == "lifespan.startup.failed"
    assert "DELETE /hidden/door" in message["message"]


async def test_without_lifespan_an_unsafe_application_answers_nothing_but_503() -> None:
    app, _ = application()
    app.add_api_route("/door", lambda: "open")

    async with client(app) as http:
        replies = [await http.get(path) for path in ("/door", "/open")]

    assert [(reply.status_code, reply.json()["code"]) for reply in replies] == [(503, "unsafe_configuration")] * 2
    assert "x-content-type-options" in replies[0].headers


async def test_a_route_added_after_the_start_answers_403() -> None:
    app, _ = application()
    router = APIRouter()
    app.include_router(router)
    async with client(app) as http:
        assert (await http.get("/open")).status_code == 200

        router.add_api_route("/late", lambda: "open")
        app.add_api_route("/later", lambda: "open")

        for path in ("/late", "/later"):
            reply = await http.get(path)
            assert (reply.status_code, reply.json()["code"]) == (403, "undeclared_route")


async def test_warn_serves_undeclared_routes_while_migrating() -> None:
    app, secured = application(development(undeclared_routes="warn"))
    app.add_api_route("/door", lambda: "open")

    async with client(app) as http:
        assert (await http.get("/door")).json() == "open"
    assert "1 UNDECLARED" in secured.report()


async def test_the_applications_own_dependency_can_count_as_access() -> None:
    async def get_current_user() -> str:
        return "theirs"

    app = FastAPI()
    app.add_api_route("/door", lambda: "open", dependencies=[Depends(get_current_user)])
    secured = secure(app, development(), access=[get_current_user])

    assert secured.problems() == []


async def test_a_bare_scheme_that_verifies_nothing_does_not_count() -> None:
    from fastapi.security import OAuth2PasswordBearer

    app = FastAPI()
    app.add_api_route("/door", lambda: "open", dependencies=[Depends(OAuth2PasswordBearer("token"))])
    secured = secure(app, development())

    assert "GET /door" in str(secured.problems()[0])


async def test_a_mount_needs_a_reason_too() -> None:
    closed, opened = FastAPI(), FastAPI()
    for app in (closed, opened):
        app.mount("/static", StaticFiles(directory="/", check_dir=False))

    assert "MOUNT /static" in str(secure(closed, development()).problems()[0])
    assert secure(opened, development(), public={"/static": "style sheets"}).problems() == []


async def test_a_public_prefix_does_not_open_the_applications_own_routes() -> None:
    app = FastAPI()
    app.add_api_route("/api/door", lambda: "open")
    app.add_api_route("/api", lambda: "open")

    problems = secure(app, development(), public={"/api": "the root"}).problems()

    assert "GET /api/door" in problems[0].where
    assert "GET /api," not in problems[0].where + ","


async def test_public_and_access_on_one_route_is_an_error() -> None:
    app = FastAPI()

    @app.get("/both")
    @public("no")
    async def both(user: CurrentUser) -> None: ...

    assert "public and yet asking for a caller" in str(secure(app, development()).problems()[0])


async def test_a_declared_limit_that_nothing_reaches_stops_the_start() -> None:
    app = FastAPI()
    app.add_api_route("/{anything}", public("first")(lambda anything: anything))
    app.add_api_route("/login", public("sign in")(lambda: None), dependencies=[Depends(limit("5/minute"))])

    assert "limit that no request can reach" in str(secure(app, development()).problems()[0])


async def test_limits_turned_off_do_not_silently_drop_a_declared_limit() -> None:
    _, secured = application(limits=False)

    assert "limit that no request can reach" in str(secured.problems()[0])


async def test_a_control_turned_off_is_reported() -> None:
    _, secured = application(hosts=False)

    assert "hosts" in secured.off
    assert "off: " in secured.report()


async def test_wildcard_origin_with_credentials_stops_the_start() -> None:
    app = FastAPI()
    secured = secure(app, development(), cors=CorsSettings(origins=("*",), credentials=True))

    assert secured.problems() != []


@pytest.mark.parametrize(
    "changes",
    [{"public_url": "http://api.example.com"}, {"redis_url": "localhost"}, {}],
    ids=["no TLS", "redis", "no public URL"],
)
async def test_production_refuses_unsafe_settings(changes: dict[str, Any]) -> None:
    settings = Settings(environment="production", **changes)
    secured = secure(FastAPI(), settings)

    assert secured.problems() != []


async def test_production_refuses_debug_and_a_missing_secret() -> None:
    app = FastAPI(debug=True)

    @app.get("/me")
    async def me(user: CurrentUser) -> str:
        return user.id

    text = "\n".join(map(str, secure(app, Settings(public_url="https://api.example.com")).problems()))

    assert "debug is on" in text
    assert "no secret" in text


async def test_a_safe_production_set_up_starts() -> None:
    settings = Settings(public_url="https://api.example.com", secret=(SecretStr(secrets.token_urlsafe(32)),))
    app = FastAPI()
    app.include_router(routes())
    secured = secure(app, settings)

    assert secured.problems() == []
    assert [message["type"] for message in await lifespan(app)] == [
        "lifespan.startup.complete",
        "lifespan.shutdown.complete",
    ]


async def test_hooks_run_around_the_lifespan_in_order() -> None:
    seen: list[str] = []

    @asynccontextmanager
    async def theirs(_: FastAPI) -> AsyncIterator[None]:
        seen.append("their start")
        yield
        seen.append("their stop")

    async def start() -> None:
        seen.append("our start")

    async def stop() -> None:
        seen.append("our stop")

    app = FastAPI(lifespan=theirs)
    secure(app, development(), on_start=[start], on_stop=[stop])

    await lifespan(app)

    assert seen == ["our start", "their start", "their stop", "our stop"]


async def test_routes_included_by_the_lifespan_are_checked_before_serving() -> None:
    @asynccontextmanager
    async def late(app: FastAPI) -> AsyncIterator[None]:
        app.add_api_route("/door", lambda: "open")
        yield

    app = FastAPI(lifespan=late)
    secure(app, development())

    (message, *_) = await lifespan(app)

    assert message["type"] == "lifespan.startup.failed"


async def test_the_documentation_is_open_in_development_only() -> None:
    for settings, expected in (
        (development(), [200, 200, 200]),
        (Settings(hosts=HostSettings(allowed=("localhost",))), [404, 404, 404]),
    ):
        app = FastAPI()
        secure(app, settings)
        async with client(app) as http:
            found = [(await http.get(path)).status_code for path in ("/openapi.json", "/docs", "/redoc")]
        assert found == expected


async def test_control_characters_in_a_path_are_refused() -> None:
    app, _ = application()

    async with client(app) as http:
        assert (await http.get("/open%0A")).status_code == 400


async def test_openapi_names_scopes_refusals_and_a_relative_token_url() -> None:
    app, _ = application(token_url="auth/token", roles={"editor": ["posts:write"]})
    document = app.openapi()

    flow = document["components"]["securitySchemes"]["fastness"]["flows"]["password"]
    assert flow == {"tokenUrl": "auth/token", "scopes": {"posts:write": ""}}
    assert {"401", "403"} <= set(document["paths"]["/users/{user_id}"]["delete"]["responses"])
    assert "429" in document["paths"]["/items"]["post"]["responses"]
    assert "HTTPValidationError" not in str(document["paths"]["/items"]["post"]["responses"]["422"])


async def test_a_websocket_is_refused_without_a_caller_and_undeclared() -> None:
    app, secured = application()

    @app.websocket("/ws")
    async def ws(socket: WebSocket, user: CurrentUser) -> None:
        await socket.accept()
        await socket.send_text(user.id)
        await socket.close()

    assert secured.tokens is not None
    token = secured.tokens.issue("ada")

    assert await _websocket(app, "/ws", []) == ["websocket.close"]
    assert await _websocket(app, "/ws", [(b"authorization", b"Bearer " + token.encode())]) == [
        "websocket.accept",
        "websocket.send",
        "websocket.close",
    ]


async def test_secure_twice_is_an_error() -> None:
    app, _ = application()

    with pytest.raises(ValueError, match="twice"):
        secure(app, development())


async def test_a_larger_body_passes_where_the_route_says_so() -> None:
    app, _ = application()

    async with client(app) as http:
        reply = await http.post("/big", json={"name": "x" * 1_500_000})

    assert (reply.status_code, reply.json()) == (200, 1_500_000)


async def _websocket(app: Any, path: str, headers: list[tuple[bytes, bytes]]) -> list[str]:
    sent: list[str] = []

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message["type"])

    scope = {
        "type": "websocket",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [(b"host", b"localhost"), *headers],
        "client": ("127.0.0.1", 5000),
        "server": ("localhost", 80),
        "scheme": "ws",
        "subprotocols": [],
        "asgi": {"version": "3.0"},
    }
    await app(scope, receive, send)
    return sent


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"hosts": Hosts(HostSettings(allowed=("*",)))}, "every host is allowed"),
        ({"headers": Headers(HeaderSettings(hsts_seconds=60))}, "HSTS lasts less than a year"),
        ({"cors": Cors(CorsSettings(origins=("http://app.example.com",)))}, "origin"),
        (
            {"store": FallbackStore(MemoryStore()), "authenticators": [lambda _: None]},
            "limits share a store without a key",
        ),
    ],
    ids=["hosts", "headers", "cors", "a shared store without a secret"],
)
async def test_a_control_given_as_an_object_is_checked_as_its_settings_are(parts: dict[str, Any], said: str) -> None:
    settings = Settings(public_url="https://api.example.com")

    assert said in "\n".join(map(str, secure(FastAPI(), settings, **parts).problems()))


async def test_debug_in_a_mounted_application_stops_production() -> None:
    app, inner = FastAPI(), FastAPI(debug=True)
    inner.add_api_route("/x", public("open")(lambda: None))
    app.mount("/sub", inner)

    assert "debug is on" in "\n".join(
        map(str, secure(app, Settings(hosts=HostSettings(allowed=("localhost",)))).problems())
    )


async def test_a_public_url_that_is_none_stops_the_start_and_not_the_import() -> None:
    for url in ("https://[bad", "https://", "https:///path"):
        assert "FASTNESS_" in "\n".join(map(str, secure(FastAPI(), Settings(public_url=url)).problems()))


async def test_an_empty_store_is_still_the_store_that_was_given() -> None:
    class Empty(MemoryStore):
        def __len__(self) -> int:
            return 0

    store = Empty()

    assert secure(FastAPI(), development(), store=store).store is store


async def test_an_outage_of_the_store_is_told_once_for_both_limits() -> None:
    class Down:
        def hit(self, key: str, rate: Any) -> Any:
            raise ConnectionError

        def reset(self, key: str) -> None: ...

    told: list[Any] = []
    app = FastAPI()

    @app.get("/me")
    async def me(user: CurrentUser) -> str:
        return user.id

    secured = secure(
        app,
        development(secret=[secrets.token_urlsafe(32)]),
        store=Down(),
        security_events=told.append,  # type: ignore[arg-type]
    )
    assert secured.tokens is not None
    async with client(app) as http:
        reply = await http.get("/me", headers={"Authorization": "Bearer " + secured.tokens.issue("ada")})

    assert reply.status_code == 200
    assert [str(event.type) for event in told].count("sys_store_down") == 1
