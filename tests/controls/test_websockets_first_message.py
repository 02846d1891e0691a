"""A page cannot set headers, so its token may come as the first message: one try, in time, in one form."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from fastapi import Depends, FastAPI, WebSocket
from websockets.asyncio.client import ClientConnection

from by_hand import Seen
from fastness import CurrentUser, OptionalUser, Settings, limit, public, require, secure
from fastness.chain import Secured
from fastness.controls.tokens import TokenKeys, Tokens, TokenSettings
from fastness.controls.websockets import WebSocketSettings
from fastness.core.principal import Principal
from live import Live, closed, serving, until

pytestmark = pytest.mark.anyio

OURS = "https://app.example.com"


@contextlib.asynccontextmanager
async def live(
    *, now: Any = None, events: Any = None, asked: list[str] | None = None, **settings: Any
) -> AsyncIterator[tuple[Live, Secured]]:
    app = FastAPI()
    seen = asked if asked is not None else []

    @app.websocket("/ws")
    async def echo(socket: WebSocket, user: CurrentUser) -> None:
        seen.append(user.id)
        await socket.accept(headers=[(b"x-late", b"1")])
        await socket.send_text(f"hello {user.id}")
        async for text in socket.iter_text():
            await socket.send_text(text)

    @app.websocket("/admin")
    async def admin(socket: WebSocket, user: Principal = Depends(require(role="admin"))) -> None:  # noqa: B008
        seen.append(user.id)
        await socket.accept()

    @app.websocket("/maybe")
    @public("strangers are welcome")
    async def maybe(socket: WebSocket, user: OptionalUser) -> None:
        await socket.accept()
        await socket.send_text(user.id if user is not None else "nobody")

    @app.websocket("/limited", dependencies=[Depends(limit("1/hour", by="user"))])
    async def limited(socket: WebSocket, user: CurrentUser) -> None:
        await socket.accept()
        await socket.send_text(user.id)

    issuer = Tokens(TokenKeys.generate(), TokenSettings(issuer="http://localhost"), **({"now": now} if now else {}))
    chosen = WebSocketSettings(origins=(OURS,), **settings)
    secured = secure(app, Settings(environment="development"), tokens=issuer, websockets=chosen, security_events=events)
    async with serving(app) as server:
        yield server, secured


def token(secured: Secured, who: str = "ada", **claims: Any) -> str:
    assert secured.tokens is not None
    return secured.tokens.issue(who, **claims)


async def say(ws: ClientConnection, message: Any) -> None:
    await ws.send(message if isinstance(message, str | bytes) else json.dumps(message))


async def test_a_page_signs_in_with_its_first_message() -> None:
    asked: list[str] = []
    async with live(asked=asked) as (server, secured), server.open(origin=OURS) as ws:
        assert asked == [], "the application is asked before anybody is known"
        await say(ws, {"token": token(secured)})
        assert await ws.recv() == "hello ada"
        await ws.send("and on")
        assert await ws.recv() == "and on"


@pytest.mark.parametrize(
    "message",
    [
        "", "null", "[]", "7", "hello", "{", '{"token": null}', '{"token": 7}', '{"token": ""}', '{"token": ["a.b.c"]}',
        '{"Token": "a.b.c"}', '{"token": "a b"}', '{"token": "a\\r\\nb"}', '{"token": "é"}', '{"token": "a.b.c\\u0000"}',
        '{"token": "a.b.c", "token": "d.e.f"}', "[" * 16_000, '{"token": "' + "a" * 20_000 + '"}', b'{"token": "a.b.c"}', b"\xff\x00",
        "NaN", '{"token": "\\ud800"}', "9" * 5_000,
    ],
    ids=lambda message: repr(message)[:40],
)  # fmt: skip
async def test_anything_else_ends_it_before_the_application_is_asked(message: str | bytes) -> None:
    asked: list[str] = []
    async with live(asked=asked) as (server, _), server.open(origin=OURS) as ws:
        await say(ws, message)

        assert await closed(ws) == (3000, "bad_first_message")
        assert asked == []


async def test_a_foreign_an_expired_and_a_revoked_token_end_it(caplog: pytest.LogCaptureFixture) -> None:
    ahead = 0.0
    asked: list[str] = []
    events = Seen()

    def now() -> float:
        return 1_900_000_000.0 + ahead

    async with live(now=now, asked=asked, events=events) as (server, secured):
        stranger = Tokens(TokenKeys.generate(), TokenSettings(issuer="http://localhost"), now=now).issue("ada")
        revoked, expired = token(secured, session="s"), token(secured)
        assert secured.tokens is not None
        secured.tokens.revocations.revoke_session("s", until=now() + 900)
        for bad in (stranger, revoked, "a.b.c"):
            async with server.open(origin=OURS) as ws:
                await say(ws, {"token": bad})
                assert await closed(ws) == (3000, "invalid_token")
        ahead = 3600.0
        async with server.open(origin=OURS) as ws:
            await say(ws, {"token": expired})
            assert await closed(ws) == (3000, "invalid_token")

    assert asked == []
    assert events.types.count("authn_token_fail") == 4
    written = caplog.text + repr(list(events))
    assert not any(secret in written for secret in (stranger, revoked, expired))


async def test_a_token_that_no_authenticator_reads_ends_it() -> None:
    app = FastAPI()

    @app.websocket("/ws")
    async def ws(socket: WebSocket, user: CurrentUser) -> None:
        await socket.accept()

    chosen = Settings(environment="development", websockets=WebSocketSettings(origins=(OURS,)))
    secure(app, chosen, authenticators=[lambda _: None])
    async with serving(app) as server, server.open(origin=OURS) as client:
        await say(client, {"token": "a.b.c"})
        assert await closed(client) == (3000, "bad_first_message")


async def test_there_is_one_try() -> None:
    asked: list[str] = []
    async with live(asked=asked) as (server, secured), server.open(origin=OURS) as ws:
        await say(ws, {"token": "a.b.c"})
        with contextlib.suppress(Exception):
            await say(ws, {"token": token(secured)})
        assert await closed(ws) == (3000, "invalid_token")

    assert asked == []


async def test_a_page_that_says_nothing_is_closed_in_time() -> None:
    async with live(first_message_timeout=0.2) as (server, _), server.open(origin=OURS) as ws:
        assert await closed(ws, within=3) == (3008, "first_message_timeout")


async def test_a_page_that_sends_fragments_without_end_is_closed_in_time() -> None:
    async def endless() -> AsyncIterator[str]:
        yield '{"token": "'
        while True:
            await asyncio.sleep(0.02)
            yield "a"

    async with live(first_message_timeout=0.3) as (server, _), server.open(origin=OURS) as ws:
        with contextlib.suppress(Exception):
            async with asyncio.timeout(5):
                await ws.send(endless())
        assert await closed(ws, within=3) == (3008, "first_message_timeout")


async def test_a_page_that_leaves_at_once_leaves_nothing_behind(caplog: pytest.LogCaptureFixture) -> None:
    async with live(connections_per_address=1) as (server, secured):
        for _ in range(3):
            async with server.open(origin=OURS):
                pass
        async with server.open(origin=OURS) as ws:
            await say(ws, {"token": token(secured)})
            assert await ws.recv() == "hello ada"

    assert not [record for record in caplog.records if record.levelname == "ERROR"]


async def test_pages_that_have_not_spoken_are_counted_by_address() -> None:
    async with (
        live(connections_per_address=2) as (server, secured),
        server.open(origin=OURS) as one,
        server.open(origin=OURS),
    ):
        assert (await server.refused(origin=OURS))[0] == 429
        await say(one, {"token": token(secured)})
        assert await one.recv() == "hello ada"
        async with server.open(origin=OURS):
            pass


async def test_a_requirement_holds_after_the_first_message() -> None:
    asked: list[str] = []
    async with live(asked=asked) as (server, secured):
        async with server.open("/admin", origin=OURS) as ws:
            await say(ws, {"token": token(secured)})
            assert (await closed(ws))[0] == 3003
        async with server.open("/admin", origin=OURS) as ws:
            await say(ws, {"token": token(secured, roles=["admin"])})
            await closed(ws)

    assert asked == ["ada"]


async def test_a_limit_by_user_holds_after_the_first_message() -> None:
    async with live() as (server, secured):
        async with server.open("/limited", origin=OURS) as ws:
            await say(ws, {"token": token(secured)})
            assert await ws.recv() == "ada"
        async with server.open("/limited", origin=OURS) as ws:
            await say(ws, {"token": token(secured)})
            assert await closed(ws) == (1008, "rate_limited")


async def test_a_program_without_a_page_is_refused_at_once() -> None:
    async with live() as (server, _):
        assert (await server.refused())[0] == 401


async def test_a_bad_header_gets_no_second_chance() -> None:
    async with live() as (server, _):
        assert (await server.refused(token="a.b.c", origin=OURS))[0] == 401


async def test_where_strangers_are_welcome_nobody_waits() -> None:
    async with live() as (server, _), server.open("/maybe", origin=OURS) as ws:
        assert await ws.recv() == "nobody"


async def test_turned_off_a_page_is_refused_at_once() -> None:
    async with live(first_message=False) as (server, _):
        assert (await server.refused(origin=OURS))[0] == 401


async def test_a_subprotocol_is_agreed_on_from_the_list() -> None:
    async with live(subprotocols=("chat.v2", "chat.v1")) as (server, secured):
        async with server.open(origin=OURS, subprotocols=["other", "chat.v1"]) as ws:
            assert ws.subprotocol == "chat.v1"
            await say(ws, {"token": token(secured)})
            assert await ws.recv() == "hello ada"
        async with server.open(origin=OURS, subprotocols=["other"]) as ws:
            assert ws.subprotocol is None


async def test_a_token_of_the_first_message_is_checked_again() -> None:
    async with live(recheck=0.1) as (server, secured), server.open(origin=OURS) as ws:
        await say(ws, {"token": token(secured, session="s")})
        assert await ws.recv() == "hello ada"
        assert secured.tokens is not None
        secured.tokens.revocations.listeners.clear()  # as in another worker
        await asyncio.sleep(0.3)
        await ws.send("still there")
        assert await ws.recv() == "still there"
        secured.tokens.revocations.revoke_session("s", until=4e9)
        assert await closed(ws, within=3) == (3000, "session_ended")
        await until(lambda: len(secured.sockets._watches) == 0 if secured.sockets else True)
