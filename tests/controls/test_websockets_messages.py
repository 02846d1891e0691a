"""What may come through an open WebSocket: how large, how fast, and how long it may be silent."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable
from typing import Any

import pytest
from fastapi import FastAPI, WebSocket
from websockets.asyncio.client import ClientConnection

from by_hand import Seen
from fastness import CurrentUser, Settings, secure
from fastness.chain import Secured
from fastness.controls.websockets import WebSockets, WebSocketSettings
from fastness.core.asgi import alone
from fastness.core.store import Hit, MemoryStore, Rate
from live import Live, closed, serving, until

pytestmark = pytest.mark.anyio


@contextlib.asynccontextmanager
async def live(
    *, events: Any = None, store: Any = None, got: list[Any] | None = None, options: dict[str, Any] | None = None, **chosen: Any
) -> AsyncIterator[tuple[Live, Secured]]:  # fmt: skip
    app = FastAPI()
    seen = got if got is not None else []

    @app.websocket("/ws")
    async def echo(socket: WebSocket, user: CurrentUser) -> None:
        await socket.accept()
        while (message := await socket.receive())["type"] == "websocket.receive":
            seen.append(message.get("text") or message.get("bytes"))
            await socket.send({**message, "type": "websocket.send"})

    @app.websocket("/push")
    async def push(socket: WebSocket, user: CurrentUser) -> None:
        await socket.accept()
        while True:
            await socket.send_text("tick")
            await asyncio.sleep(0.05)

    @app.websocket("/bare")
    async def bare(socket: WebSocket, user: CurrentUser) -> None:
        await socket.accept()
        while True:
            await socket.send_text(await socket.receive_text())

    @app.websocket("/slow")
    async def slow(socket: WebSocket, user: CurrentUser) -> None:
        await socket.accept()
        await socket.receive()
        seen.append("cleaning up")
        await asyncio.sleep(3600)

    settings = Settings(environment="development", websockets=WebSocketSettings(**chosen))
    secured = secure(app, settings, security_events=events, store=store)
    async with serving(app, **(options or {})) as server:
        yield server, secured


def token(secured: Secured, who: str = "ada") -> str:
    assert secured.tokens is not None
    return secured.tokens.issue(who)


@pytest.mark.parametrize(
    "message", ["a" * 65_536, b"a" * 65_536, "é" * 32_768, ""], ids=["text", "binary", "two bytes", "empty"]
)
async def test_a_message_of_64_kib_passes(message: str | bytes) -> None:
    async with live() as (server, secured), server.open(token=token(secured)) as ws:
        await ws.send(message)
        assert await ws.recv() == message


@pytest.mark.parametrize(
    "message", ["a" * 65_537, b"a" * 65_537, "é" * 32_769, "😀" * 20_000, "a" * 2_000_000],
    ids=["text", "binary", "two bytes", "four bytes", "huge"],
)  # fmt: skip
async def test_a_larger_one_ends_it_and_never_reaches_the_application(message: str | bytes) -> None:
    got: list[Any] = []
    async with live(got=got) as (server, secured), server.open(token=token(secured)) as ws:
        await ws.send(message)
        assert await closed(ws) == (1009, "message_too_large")

    assert got == []


async def test_fragments_are_counted_together() -> None:
    got: list[Any] = []
    async with live(got=got) as (server, secured):
        async with server.open(token=token(secured)) as ws:
            await ws.send(["a" * 4096] * 16)
            assert await ws.recv() == "a" * 65_536
        async with server.open(token=token(secured)) as ws:
            await ws.send([*["a" * 4096] * 16, "a"])
            assert await closed(ws) == (1009, "message_too_large")

    assert got == ["a" * 65_536]


async def test_the_servers_own_limit_looks_the_same() -> None:
    async with live(options={"ws_max_size": 65_536}) as (server, secured), server.open(token=token(secured)) as ws:
        await ws.send("a" * 65_536)
        await ws.recv()
        with contextlib.suppress(Exception):
            await ws.send("a" * 65_537)
        assert (await closed(ws))[0] == 1009


async def test_many_small_messages_end_it() -> None:
    got: list[Any] = []
    events = Seen()
    async with live(got=got, events=events, messages_per_connection="50/hour") as (server, secured):
        async with server.open(token=token(secured)) as ws:
            with contextlib.suppress(Exception):
                for _ in range(500):
                    await ws.send("a")
            assert await closed(ws) == (1008, "rate_limited")
        assert len(got) == 50
        async with server.open(token=token(secured)) as other:
            await other.send("another connection")
            assert await other.recv() == "another connection"

    told = [event for event in events if event.type == "excess_rate_limit_exceeded"]
    assert [(event.who, event.reason) for event in told] == [("ada", "messages of a connection")]


async def test_the_connections_of_one_user_share_a_limit() -> None:
    got: list[Any] = []
    async with live(got=got, messages_per_user="10/hour") as (server, secured):
        async with server.open(token=token(secured)) as one, server.open(token=token(secured)) as two:
            for ws in (one, two) * 5:
                await ws.send("a")
                await ws.recv()
            await one.send("a")
            assert await closed(one) == (1008, "rate_limited")
        async with server.open(token=token(secured, "bob")) as other:
            await other.send("bob's own")
            assert await other.recv() == "bob's own"

    assert len(got) == 11


class Slow:
    """A shared store, which is awaited; it may break."""

    def __init__(self) -> None:
        self.counters = MemoryStore()
        self.names: list[str] = []
        self.broken = False

    def hit(self, key: str, rate: Rate) -> Awaitable[Hit]:
        return self._hit(key, rate)

    async def _hit(self, key: str, rate: Rate) -> Hit:
        await asyncio.sleep(0)
        if self.broken:
            raise OSError("postgresql://ada:hunter2@db")
        self.names.append(key)
        return self.counters.hit(key, rate)

    async def reset(self, key: str) -> None:
        self.counters.reset(key)


async def test_a_shared_store_counts_users_of_all_workers_and_never_reads_their_names() -> None:
    store = Slow()
    async with live(store=store, messages_per_user="10/hour") as (server, secured), live(store=store) as (other, also):
        for worker, known in ((server, secured), (other, also)):
            assert worker.url
            async with worker.open(token=token(known)) as ws:
                for _ in range(5):
                    await ws.send("a")
                    await ws.recv()
        assert store.names
        assert not [name for name in store.names if "user" in name or name.startswith("messages ")]


async def test_the_shared_count_ends_it() -> None:
    store = Slow()
    async with (
        live(store=store, messages_per_user="3/hour") as (server, secured),
        server.open(token=token(secured)) as ws,
    ):
        for _ in range(3):
            await ws.send("a")
            await ws.recv()
        await ws.send("a")
        assert await closed(ws) == (1008, "rate_limited")


async def test_a_store_that_breaks_does_not_end_it_under_secure() -> None:
    store = Slow()
    async with live(store=store) as (server, secured), server.open(token=token(secured)) as ws:
        store.broken = True
        await ws.send("a")
        assert await ws.recv() == "a"


@pytest.mark.parametrize("fails", ["at once", "later"])
async def test_alone_with_a_broken_store_nothing_passes_uncounted(fails: str, caplog: pytest.LogCaptureFixture) -> None:
    class Broken(Slow):
        def hit(self, key: str, rate: Rate) -> Awaitable[Hit]:
            if fails == "at once":
                raise OSError("postgresql://ada:hunter2@db")
            return super().hit(key, rate)

    got: list[Any] = []

    async def echo(_: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        while (message := await receive())["type"] == "websocket.receive":
            got.append(message)

    store = Broken()
    store.broken = True
    async with serving(alone(echo, WebSockets(store=store))) as server, server.open("/") as ws:
        await ws.send("a")
        assert await closed(ws) == (1013, "unavailable")

    assert got == []
    assert "hunter2" not in caplog.text


async def test_limits_can_be_turned_off() -> None:
    async with (
        live(messages_per_user="", messages_per_connection="") as (server, secured),
        server.open(token=token(secured)) as ws,
    ):
        for _ in range(2000):
            await ws.send("a")
        for _ in range(2000):
            assert await ws.recv() == "a"


async def test_silence_ends_it() -> None:
    async with live(idle_timeout=0.3) as (server, secured), server.open(token=token(secured)) as ws:
        assert await closed(ws, within=3) == (3008, "idle")


async def test_a_message_in_either_direction_is_no_silence() -> None:
    async with live(idle_timeout=0.4) as (server, secured):
        async with server.open(token=token(secured)) as ws:
            for _ in range(6):
                await asyncio.sleep(0.15)
                await ws.send("a")
                assert await ws.recv() == "a"
        async with server.open("/push", token=token(secured)) as ws:
            for _ in range(16):
                assert await ws.recv() == "tick"


async def test_pings_and_unfinished_messages_are_silence() -> None:
    async def endless(ws: ClientConnection) -> None:
        async def parts() -> AsyncIterator[str]:
            while True:
                yield ""
                await asyncio.sleep(0.01)

        with contextlib.suppress(Exception):
            await ws.send(parts())

    async def pinging(ws: ClientConnection) -> None:
        with contextlib.suppress(Exception):
            while True:
                await ws.ping()
                await asyncio.sleep(0.01)

    for busy in (endless, pinging):
        async with live(idle_timeout=0.3) as (server, secured), server.open(token=token(secured)) as ws:
            task = asyncio.create_task(busy(ws))
            assert await closed(ws, within=3) == (3008, "idle")
            task.cancel()


async def test_bytes_that_are_no_text_end_it_without_an_error_of_ours(caplog: pytest.LogCaptureFixture) -> None:
    got: list[Any] = []
    async with live(got=got) as (server, secured), server.open(token=token(secured)) as ws:
        await ws.send(b"\xff\xfe", text=True)
        assert (await closed(ws))[0] == 1007

    assert got == []
    assert not [record for record in caplog.records if record.name == "fastness" and record.levelno >= logging.ERROR]


async def test_a_client_that_goes_away_is_no_crash(caplog: pytest.LogCaptureFixture) -> None:
    events = Seen()
    async with live(events=events) as (server, secured):
        for path in ("/ws", "/bare", "/push"):
            for leave in ("by closing", "by breaking"):
                async with server.open(path, token=token(secured)) as ws:
                    await ws.send("hello")
                    await ws.recv()
                    if leave == "by breaking":
                        ws.transport.abort()
        await asyncio.sleep(0.2)

    assert "sys_crash" not in events.types
    assert not [record for record in caplog.records if record.name == "fastness" and record.levelno >= logging.ERROR]


async def test_a_client_that_went_away_makes_room_though_its_handler_works_on() -> None:
    got: list[Any] = []
    async with live(got=got, connections_per_user=1) as (server, secured):
        async with server.open("/slow", token=token(secured)):
            pass
        await until(lambda: got == ["cleaning up"])
        async with server.open(token=token(secured)) as ws:
            await ws.send("room")
            assert await ws.recv() == "room"
