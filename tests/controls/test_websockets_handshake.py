"""Who may open a WebSocket: by header, by cookie with an origin of ours, and not too often."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import Depends, FastAPI, WebSocket
from fastapi.testclient import TestClient
from pydantic import SecretStr

from by_hand import LOCAL, Seen, connect
from fastness import CurrentUser, OptionalUser, Settings, limit, public, require, secure
from fastness.chain import Secured
from fastness.controls.websockets import WebSockets, WebSocketSettings
from fastness.core.asgi import alone
from fastness.core.errors import UnsafeConfiguration
from fastness.core.exchange import Exchange
from fastness.core.principal import Principal
from live import Live, closed, serving

pytestmark = pytest.mark.anyio

OURS = "https://app.example.com"
HOST = "app.example.com"
CORPUS = json.loads((Path(__file__).parents[1] / "data/attacks/cors_origins.json").read_text(encoding="utf-8"))


def by_cookie(exchange: Exchange) -> Principal | None:
    """The least that a cookie session is: a name in a cookie, and the word of the authenticator that it was one."""
    name, _, who = exchange.headers.get(b"cookie", b"").partition(b"=")
    if name != b"__Host-session":
        return None
    exchange.cookie = who
    return Principal(who.decode(), session="s", scheme="cookie")


def application(settings: Settings | None = None, **parts: Any) -> tuple[FastAPI, Secured]:
    app = FastAPI()

    @app.websocket("/ws")
    async def echo(socket: WebSocket, user: CurrentUser) -> None:
        await socket.accept()
        await socket.send_text(user.id)
        async for text in socket.iter_text():
            await socket.send_text(text)

    @app.websocket("/admin")
    async def admin(socket: WebSocket, user: Principal = Depends(require(role="admin"))) -> None:  # noqa: B008
        await socket.accept()
        await socket.close(1000, user.id)

    @app.websocket("/open")
    @public("anybody may listen")
    async def open_(socket: WebSocket, user: OptionalUser) -> None:
        await socket.accept()
        await socket.send_text(user.id if user is not None else "nobody")
        async for _ in socket.iter_text():
            pass

    @app.websocket("/limited", dependencies=[Depends(limit("2/hour", by="user"))])
    async def limited(socket: WebSocket, user: CurrentUser) -> None:
        await socket.accept()
        await socket.close()

    settings = settings or Settings(environment="development", websockets=WebSocketSettings(origins=(OURS,)))
    return app, secure(app, settings, **parts)


@contextlib.asynccontextmanager
async def live(settings: Settings | None = None, **parts: Any) -> AsyncIterator[tuple[Live, Secured]]:
    app, secured = application(settings, **parts)
    async with serving(app) as server:
        yield server, secured


def token(secured: Secured, who: str = "ada", **claims: Any) -> str:
    assert secured.tokens is not None
    return secured.tokens.issue(who, **claims)


def bearer(secured: Secured) -> dict[str, str]:
    return {"Authorization": f"Bearer {token(secured)}"}


async def test_a_header_says_who_it_is() -> None:
    async with live() as (server, secured), server.open(token=token(secured)) as ws:
        assert await ws.recv() == "ada"
        await ws.send("hello")
        assert await ws.recv() == "hello"


async def test_a_handshake_without_a_caller_is_answered_401_with_every_header(caplog: pytest.LogCaptureFixture) -> None:
    async with live() as (server, _):
        status, headers, body = await server.refused()

    assert (status, json.loads(body)["code"]) == (401, "unauthenticated")
    assert headers["www-authenticate"] == "Bearer"
    assert {"x-request-id", "content-security-policy", "x-content-type-options"} <= set(headers)
    assert not [record for record in caplog.records if record.name == "uvicorn.error"]


async def test_a_bad_token_is_refused_and_named_nowhere() -> None:
    async with live() as (server, _):
        status, headers, body = await server.refused(token="hunter2.hunter2.hunter2")

    assert (status, json.loads(body)["code"]) == (401, "invalid_token")
    assert "hunter2" not in repr(headers) + repr(body)


async def test_a_requirement_holds_for_a_websocket() -> None:
    async with live() as (server, secured):
        assert (await server.refused("/admin", token=token(secured)))[0] == 403
        async with server.open("/admin", token=token(secured, roles=["admin"])) as ws:
            assert await closed(ws) == (1000, "ada")


async def test_a_declared_limit_counts_handshakes() -> None:
    async with live() as (server, secured):
        for _ in range(2):
            async with server.open("/limited", token=token(secured)) as ws:
                await closed(ws)
        status, headers, _ = await server.refused("/limited", token=token(secured))

    assert status == 429
    assert int(headers["retry-after"]) > 0


async def test_a_page_of_ours_may_open_one_and_a_stranger_may_not() -> None:
    events = Seen()
    async with live(security_events=events) as (server, secured):
        async with server.open(token=token(secured), origin=OURS) as ws:
            assert await ws.recv() == "ada"
        status, _, body = await server.refused(token=token(secured), origin="https://evil.example")

    assert (status, json.loads(body)["code"]) == (403, "origin_not_allowed")
    told = [event for event in events if event.type == "malicious_cors"]
    assert [event.details["origin"] for event in told] == ["https://evil.example"]


async def test_a_public_socket_asks_for_the_origin_too() -> None:
    async with live() as (server, _):
        assert (await server.refused("/open", origin="https://evil.example"))[0] == 403
        async with server.open("/open", origin=OURS) as ws:
            assert await ws.recv() == "nobody"


async def test_a_cookie_needs_an_origin_of_ours() -> None:
    cookie = {"Cookie": "__Host-session=ada"}
    async with live(authenticators=[by_cookie]) as (server, _):
        async with server.open(headers=cookie, origin=OURS) as ws:
            assert await ws.recv() == "ada"
        for origin in (None, "null", "https://evil.example", f"{OURS}.evil.example"):
            status, _, body = await server.refused(headers=cookie, origin=origin)
            assert (status, json.loads(body)["code"]) == (403, "origin_not_allowed")


def guarded(*, named: bool) -> FastAPI:
    settings = Settings(
        environment="production",
        secret=(SecretStr("qx1WWbICdedsgkoSbcmbm90qJWktznVrEI8btLEr83GGKTHk"),),
        public_url=OURS if named else "",
    )
    return application(settings, authenticators=[by_cookie], hosts=[HOST])[0]


async def from_page(app: FastAPI, origin: bytes) -> Any:
    headers = [(b"host", HOST.encode()), (b"cookie", b"__Host-session=ada"), (b"origin", origin)]
    return (await connect(app, headers=headers, scheme="wss"))[0]


@pytest.mark.parametrize("named", [True, False], ids=["listed", "same host"])
async def test_our_own_page_opens_one_with_its_cookie(*, named: bool) -> None:
    assert (await from_page(guarded(named=named), OURS.encode()))["type"] == "websocket.accept"


@pytest.mark.parametrize("case", CORPUS, ids=[f"{i} {case['class']}" for i, case in enumerate(CORPUS)])
@pytest.mark.parametrize("named", [True, False], ids=["listed", "same host"])
async def test_no_trick_with_an_origin_opens_one(case: dict[str, str], *, named: bool) -> None:
    origin = (
        case["origin"]
        .replace("{host_dot_as_any}", "appXexample.com")
        .replace("{host_homoglyph}", "\u0430pp.example.com")
    )

    answer = await from_page(guarded(named=named), origin.replace("{host}", HOST).encode())

    assert (answer["type"], answer["status"]) == ("websocket.http.response.start", 403)


@pytest.mark.parametrize("production", [True, False])
async def test_in_production_another_host_of_ours_is_no_origin_of_ours_unless_it_is_named(*, production: bool) -> None:
    settings = Settings(
        environment="production" if production else "development",
        secret=(SecretStr("qx1WWbICdedsgkoSbcmbm90qJWktznVrEI8btLEr83GGKTHk"),),
        public_url=OURS,
    )
    app, secured = application(settings, hosts=[HOST, "api.example.com"])
    headers = [
        (b"host", b"api.example.com"),
        (b"origin", b"https://api.example.com"),
        (b"authorization", f"Bearer {token(secured)}".encode()),
    ]

    sent = await connect(app, headers=headers, scheme="wss")

    assert (sent[0].get("status") == 403) == production


async def test_two_origins_are_none() -> None:
    app, _ = application(authenticators=[by_cookie])
    headers = [
        LOCAL,
        (b"cookie", b"__Host-session=ada"),
        (b"origin", b"https://evil.example"),
        (b"origin", OURS.encode()),
    ]

    assert (await connect(app, headers=headers))[0]["status"] in {400, 403}


async def test_the_public_url_and_the_origins_of_cors_are_ours() -> None:
    settings = Settings(environment="development", public_url="https://api.example.com")
    async with live(settings, cors=["https://front.example.com"], hosts=False) as (server, secured):
        for origin in ("https://api.example.com", "https://front.example.com"):
            async with server.open(token=token(secured), origin=origin) as ws:
                assert await ws.recv() == "ada"


async def test_an_origin_of_ours_needs_no_cors() -> None:
    async with (
        live(cors=["https://other.example.com"]) as (server, secured),
        server.open(token=token(secured), origin=OURS) as ws,
    ):
        assert await ws.recv() == "ada"


async def test_a_real_session_cookie_opens_one_from_our_page_and_ends_it_with_the_session() -> None:
    settings = Settings(environment="development", public_url=OURS)
    app, secured = application(settings, cookies=True, hosts=False)
    tokens = secured.tokens
    assert tokens is not None
    cookie = {"Cookie": f"__Host-session={tokens.issue('ada', session='s')}"}
    async with serving(app) as server:
        for origin in (None, "null", "https://evil.example"):
            assert (await server.refused(headers=cookie, origin=origin))[0] == 403
        async with server.open(headers=cookie, origin=OURS) as ws:
            assert await ws.recv() == "ada"
            tokens.revocations.revoke_session("s", until=4e9)
            assert await closed(ws) == (3000, "session_ended")
        # The browser sends it still; the page may sign in again with its first message.
        async with server.open(headers=cookie, origin=OURS) as ws:
            await ws.send(json.dumps({"token": token(secured, "bob")}))
            assert await ws.recv() == "bob"


async def test_a_mounted_application_with_a_chain_of_its_own_guards_its_own() -> None:
    inner, within = application(Settings(environment="development", websockets=WebSocketSettings(max_message_size=5)))
    outer, secured = application()
    outer.mount("/sub", inner)
    assert within.tokens is not None
    async with serving(outer) as server:
        assert (await server.refused("/sub/ws"))[0] == 401
        assert (await server.refused("/sub/ws", token=token(within), origin="https://evil.example"))[0] == 403
        async with server.open("/sub/ws", token=token(within, session="s")) as ws:
            assert await ws.recv() == "ada"
            within.tokens.revocations.revoke_session("s", until=4e9)
            assert await closed(ws) == (3000, "session_ended")
        async with server.open("/sub/ws", token=token(within)) as ws:
            await ws.recv()
            await ws.send("longer")
            assert await closed(ws) == (1009, "message_too_large")
        async with server.open("/ws", token=token(secured)) as ws:
            assert await ws.recv() == "ada"


def test_the_test_client_of_the_framework_works() -> None:
    app, secured = application()
    with TestClient(app) as client, client.websocket_connect("/ws", headers=bearer(secured)) as ws:
        assert ws.receive_text() == "ada"
        ws.send_text("hello")
        assert ws.receive_text() == "hello"


async def test_a_user_holds_so_many_connections_and_a_closed_one_makes_room() -> None:
    events = Seen()
    settings = Settings(environment="development", websockets=WebSocketSettings(connections_per_user=2))
    async with live(settings, security_events=events) as (server, secured):
        ada = token(secured)
        async with server.open(token=ada) as first, server.open(token=ada) as second:
            await first.recv()
            await second.recv()
            status, headers, body = await server.refused(token=token(secured))
            assert (status, json.loads(body)["code"]) == (429, "too_many_connections")
            assert int(headers["retry-after"]) > 0
            async with server.open(token=token(secured, "bob")) as other:
                assert await other.recv() == "bob"
            await first.close()
            async with server.open(token=ada) as third:
                assert await third.recv() == "ada"

    assert [event.who for event in events if event.type == "excess_rate_limit_exceeded"] == ["ada"]


async def test_strangers_share_the_connections_of_their_address() -> None:
    settings = Settings(environment="development", websockets=WebSocketSettings(connections_per_address=1))
    async with live(settings) as (server, secured), server.open("/open") as ws:
        assert await ws.recv() == "nobody"
        assert (await server.refused("/open"))[0] == 429
        async with server.open("/open", token=token(secured)) as known:
            assert await known.recv() == "ada"


async def test_a_refused_handshake_takes_no_place() -> None:
    settings = Settings(environment="development", websockets=WebSocketSettings(connections_per_user=1))
    async with live(settings) as (server, secured):
        for _ in range(3):
            assert (await server.refused("/admin", token=token(secured)))[0] == 403
        async with server.open(token=token(secured)) as ws:
            assert await ws.recv() == "ada"


async def test_turned_off_it_leaves_the_origin_to_cors() -> None:
    async with live(websockets=False) as (server, secured):
        assert "websockets" in secured.off
        assert (await server.refused(token=token(secured), origin="https://evil.example"))[0] == 403


async def test_alone_it_guards_origins_and_sizes() -> None:
    async def echo(_: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        while (message := await receive())["type"] == "websocket.receive":
            await send({"type": "websocket.send", "text": message["text"]})

    async with serving(alone(echo, WebSockets(WebSocketSettings(origins=(OURS,), max_message_size=5)))) as server:
        assert (await server.refused("/", origin="https://evil.example"))[0] == 403
        async with server.open("/", origin=OURS) as ws:
            await ws.send("hello")
            assert await ws.recv() == "hello"
            await ws.send("hello!")
            assert await closed(ws) == (1009, "message_too_large")


@pytest.mark.parametrize(
    "origin", ["*", "null", "https://*.example.com", "https://app.example.com/path", "app.example.com"]
)
def test_a_careless_origin_stops_the_start(origin: str) -> None:
    assert WebSocketSettings(origins=(origin,)).problems(production=False)
    with pytest.raises(UnsafeConfiguration):
        WebSockets(WebSocketSettings(origins=(origin,)))


def test_plain_http_stops_the_start_in_production() -> None:
    assert WebSocketSettings(origins=("http://app.example.com",)).problems(production=True)
    assert not WebSocketSettings(origins=("http://localhost:3000",)).problems(production=True)
