"""An event stream ends when its caller's session does; other answers in parts are left alone."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterable, AsyncIterator, Awaitable
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from fastapi.sse import EventSourceResponse

from by_hand import LOCAL, Seen, http_scope
from fastness import CurrentUser, OptionalUser, Settings, public, secure
from fastness.chain import Secured
from fastness.controls.websockets import WebSockets, WebSocketSettings
from fastness.core.asgi import alone
from fastness.core.exchange import Exchange, Message, Quiet
from fastness.core.principal import Principal
from live import Live, serving, until

pytestmark = pytest.mark.anyio


class Ends(list[str]):
    """The endpoints whose generators were closed."""


def application(ends: Ends) -> FastAPI:
    app = FastAPI()

    async def ticks(name: str, pause: float) -> AsyncIterator[str]:
        try:
            yield "data: begin\n\n"
            while True:
                await asyncio.sleep(pause)
                yield "data: tick\n\n"
        finally:
            ends.append(name)

    @app.get("/fastapi", response_class=EventSourceResponse)
    async def fastapi(user: CurrentUser) -> AsyncIterable[str]:
        try:
            yield "begin"
            while True:
                await asyncio.sleep(0.02)
                yield "tick"
        finally:
            ends.append("fastapi")

    @app.get("/starlette")
    async def starlette(user: CurrentUser) -> StreamingResponse:
        return StreamingResponse(ticks("starlette", 0.02), media_type="text/event-stream; charset=utf-8")

    @app.get("/quiet")
    async def quiet(user: CurrentUser) -> StreamingResponse:
        return StreamingResponse(ticks("quiet", 3600), media_type="TEXT/Event-Stream")

    _others(app)
    return app


def _others(app: FastAPI) -> None:
    @app.get("/short")
    async def short(user: CurrentUser) -> StreamingResponse:
        async def two() -> AsyncIterator[str]:
            yield "data: one\n\n"
            yield "data: two\n\n"

        return StreamingResponse(two(), media_type="text/event-stream")

    @app.get("/breaks")
    async def breaks(user: CurrentUser) -> StreamingResponse:
        async def one() -> AsyncIterator[str]:
            yield "data: one\n\n"
            raise RuntimeError

        return StreamingResponse(one(), media_type="text/event-stream")

    @app.get("/download")
    async def download(user: CurrentUser) -> StreamingResponse:
        async def parts() -> AsyncIterator[bytes]:
            for _ in range(20):
                yield b"x" * 100
                await asyncio.sleep(0.02)

        return StreamingResponse(parts(), media_type="application/octet-stream")

    @app.get("/open", response_class=EventSourceResponse)
    @public("anybody may listen")
    async def open_(user: OptionalUser) -> AsyncIterable[str]:
        for _ in range(20):
            await asyncio.sleep(0.02)
            yield "tick"


@contextlib.asynccontextmanager
async def live(
    *, ends: Ends | None = None, recheck: float = 0.1, **parts: Any
) -> AsyncIterator[tuple[Live, Secured, httpx2.AsyncClient]]:
    app = application(ends if ends is not None else Ends())
    settings = Settings(environment="development", websockets=WebSocketSettings(recheck=recheck))
    secured = secure(app, settings, **parts)
    async with serving(app) as server, httpx2.AsyncClient(base_url=server.url, timeout=10) as client:
        yield server, secured, client


def bearer(secured: Secured, **claims: Any) -> dict[str, str]:
    assert secured.tokens is not None
    return {"Authorization": f"Bearer {secured.tokens.issue('ada', session='s', **claims)}"}


def revoke(secured: Secured, *, here: bool = True) -> None:
    assert secured.tokens is not None
    if not here:
        secured.tokens.revocations.listeners.clear()
    secured.tokens.revocations.revoke_session("s", until=time.time() + 900)


@pytest.mark.parametrize("path", ["/fastapi", "/starlette", "/quiet"])
@pytest.mark.parametrize("here", [True, False], ids=["in this worker", "elsewhere"])
async def test_a_revoked_session_ends_its_stream(path: str, *, here: bool, caplog: pytest.LogCaptureFixture) -> None:
    ends, events = Ends(), Seen()
    recheck = 30 if here else 0.1
    async with live(ends=ends, recheck=recheck, security_events=events) as (_, secured, client):
        async with client.stream("GET", path, headers=bearer(secured)) as answer:
            assert answer.status_code == 200
            lines = answer.aiter_lines()
            assert "begin" in await anext(lines)
            revoke(secured, here=here)
            async with asyncio.timeout(5):
                async for _ in lines:
                    pass
        assert (await client.get(path, headers=bearer(secured))).status_code == 401
        await until(lambda: ends == [path.removeprefix("/")])

    told = [event for event in events if event.type == "session_expired"]
    assert [(event.who, event.details["kind"]) for event in told] == [("ada", "stream")]
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


@pytest.mark.parametrize("slow", [False, True], ids=["known at once", "asked of a store"])
async def test_a_session_that_ended_before_the_first_event_hears_none(*, slow: bool) -> None:
    sent: list[Message] = []

    class Ada(Quiet):
        gone = False

        def enter(self, exchange: Exchange, /) -> Awaitable[None] | None:
            exchange.principal = None if Ada.gone else Principal("ada")
            return asyncio.sleep(0.02) if slow else None

    async def app(_: Any, __: Any, send: Any) -> None:
        headers = [(b"content-type", b"text/event-stream")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        Ada.gone = True
        for more in (True, True, False):
            await send({"type": "http.response.body", "body": b"data: secret\n\n", "more_body": more})

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    ada = Ada()
    await alone(app, ada, WebSockets(WebSocketSettings(recheck=30), ask=ada.enter))(
        http_scope(headers=[LOCAL]), receive, send
    )
    await until(lambda: len(sent) == 2)

    assert sent[1:] == [{"type": "http.response.body", "body": b"", "more_body": False}]


async def test_an_expired_token_ends_its_stream() -> None:
    async with live(recheck=30) as (_, secured, client):
        begun = time.time()
        async with client.stream("GET", "/starlette", headers=bearer(secured, lifetime=2)) as answer:
            async for _ in answer.aiter_lines():
                pass
        assert 1 < time.time() - begun < 4


async def test_a_stream_goes_on_while_the_session_does() -> None:
    async with (
        live(recheck=0.05) as (_, secured, client),
        client.stream("GET", "/starlette", headers=bearer(secured)) as answer,
    ):
        seen = 0
        async for line in answer.aiter_lines():
            seen += bool(line)
            if seen > 20:
                break
        assert seen > 20


@pytest.mark.parametrize("path", ["/short", "/breaks", "/starlette"])
async def test_a_stream_that_ended_leaves_nothing_behind(path: str) -> None:
    async with live(recheck=30) as (_, secured, client):
        with contextlib.suppress(httpx2.RemoteProtocolError):
            async with client.stream("GET", path, headers=bearer(secured)) as answer:
                async for _ in answer.aiter_lines():
                    if path == "/starlette":
                        break
        assert secured.sockets is not None
        kept = secured.sockets
        await until(lambda: len(kept._watches) == 0)


async def test_a_connection_serves_on_after_a_stream_was_ended() -> None:
    async with live(recheck=30) as (server, secured, _):
        reader, writer = await asyncio.open_connection(*server.host.split(":"))
        head = f"GET /starlette HTTP/1.1\r\nHost: {server.host}\r\nAuthorization: {bearer(secured)['Authorization']}\r\n\r\n"
        writer.write(head.encode())
        assert b"200" in await reader.readline()
        await reader.readuntil(b"data: begin")
        revoke(secured)
        await reader.readuntil(b"\r\n0\r\n\r\n")
        writer.write(head.encode())
        assert b"401" in await reader.readline()
        writer.close()


async def test_downloads_and_public_streams_are_left_alone() -> None:
    async with live(recheck=0.05) as (_, secured, client):
        async with client.stream("GET", "/download", headers=bearer(secured)) as answer:
            parts = answer.aiter_bytes()
            read = len(await anext(parts))
            revoke(secured)
            async for part in parts:
                read += len(part)
        assert read == 2000
        async with client.stream("GET", "/open") as answer:
            assert len([line async for line in answer.aiter_lines() if "tick" in line]) == 20


async def test_turned_off_nothing_is_watched() -> None:
    async with (
        live(websockets=False) as (_, secured, client),
        client.stream("GET", "/starlette", headers=bearer(secured)) as answer,
    ):
        revoke(secured)
        seen = 0
        async for line in answer.aiter_lines():
            seen += bool(line)
            if seen > 20:
                break
        assert seen > 20


@pytest.mark.parametrize("version", ["2.3", "2.4"])
async def test_an_endless_application_hears_of_the_end_as_its_server_says_it(version: str) -> None:
    """By hand: no server here speaks 2.4 to applications, and raw applications may not listen for a disconnect."""
    sent: list[Message] = []
    raised: list[BaseException] = []

    class Ada(Quiet):
        gone = False

        def enter(self, exchange: Exchange, /) -> None:
            exchange.principal = None if Ada.gone else Principal("ada")

    async def endless(_: Any, __: Any, send: Any) -> None:
        headers = [(b"content-type", b"text/event-stream")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        try:
            for _ in range(100):
                await send({"type": "http.response.body", "body": b"data: x\n\n", "more_body": True})
                await asyncio.sleep(0.01)
        except OSError as error:
            raised.append(error)
            raise

    async def receive() -> Message:
        await asyncio.sleep(3600)
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    ada = Ada()
    app = alone(endless, ada, WebSockets(WebSocketSettings(recheck=0.1), ask=ada.enter))
    scope = http_scope(headers=[LOCAL]) | {"asgi": {"version": "3.0", "spec_version": version}}
    running = asyncio.create_task(app(scope, receive, send))
    await asyncio.sleep(0.05)
    Ada.gone = True
    with contextlib.suppress(OSError):
        await running

    assert bool(raised) == (version == "2.4")
    assert sent[-1] == {"type": "http.response.body", "body": b"", "more_body": False}
    assert len(sent) < 60


async def test_an_end_waits_for_the_part_that_is_on_its_way() -> None:
    """A server that is blocked in `send` is never called a second time meanwhile."""
    sent: list[Message] = []
    gate = asyncio.Event()
    inside = most = 0

    class Ada(Quiet):
        gone = False

        def enter(self, exchange: Exchange, /) -> None:
            exchange.principal = None if Ada.gone else Principal("ada")

    async def app(_: Any, __: Any, send: Any) -> None:
        headers = [(b"content-type", b"text/event-stream")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"data: x\n\n", "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def send(message: Message) -> None:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        if message.get("more_body"):
            Ada.gone = True
            await gate.wait()
        sent.append(message)
        inside -= 1

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    ada = Ada()
    chain = alone(app, ada, WebSockets(WebSocketSettings(recheck=0.05), ask=ada.enter))
    running = asyncio.create_task(chain(http_scope(headers=[LOCAL]), receive, send))
    await asyncio.sleep(0.2)
    gate.set()
    await running

    assert most == 1
    assert [message.get("more_body") for message in sent] == [None, True, False]


async def test_a_complete_stream_is_not_ended_again_while_its_application_works_on() -> None:
    sent: list[Message] = []

    class Ada(Quiet):
        gone = False

        def enter(self, exchange: Exchange, /) -> None:
            exchange.principal = None if Ada.gone else Principal("ada")

    async def app(_: Any, __: Any, send: Any) -> None:
        headers = [(b"content-type", b"text/event-stream")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"data: x\n\n", "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})
        Ada.gone = True
        await asyncio.sleep(0.2)

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    ada = Ada()
    chain = alone(app, ada, WebSockets(WebSocketSettings(recheck=0.05), ask=ada.enter))
    await chain(http_scope(headers=[LOCAL]), receive, send)

    assert len(sent) == 3
