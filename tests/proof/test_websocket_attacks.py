"""Frames that no library would send, against a real server: nothing of it reaches the application or stops the service."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import logging
import os
import struct
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI, WebSocket

from fastness import CurrentUser, Settings, secure
from fastness.chain import Secured
from fastness.cli.server import options
from fastness.controls.websockets import WebSocketSettings
from fastness.core import sockets
from live import Live, closed, serving, until

pytestmark = pytest.mark.anyio

BURSTS = [
    case["count"]
    for case in json.loads((Path(__file__).parents[1] / "data/attacks/exhaustion.json").read_text(encoding="utf-8"))
    if case["kind"] == "ws_frames"
]
CONT, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA


def frame(
    opcode: int, payload: bytes = b"", *, fin: bool = True, rsv: int = 0, masked: bool = True, says: int = -1
) -> bytes:
    """One frame as RFC 6455 section 5.2 draws it; `says` is a length that is not the payload's."""
    length = len(payload) if says < 0 else says
    head = bytes([fin << 7 | rsv << 4 | opcode])
    bit = masked << 7
    if length < 126:
        head += bytes([bit | length])
    elif length < 1 << 16:
        head += bytes([bit | 126]) + struct.pack("!H", length)
    else:
        head += bytes([bit | 127]) + struct.pack("!Q", length)
    return head + (b"\0\0\0\0" + payload if masked else payload)


class Raw:
    """A WebSocket without a library."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def send(self, *frames: bytes) -> None:
        with contextlib.suppress(ConnectionError):
            self.writer.write(b"".join(frames))
            await self.writer.drain()

    async def receive(self) -> tuple[int, bytes]:
        """Opcode and payload of the next frame of the server; opcode -1 when it cut the connection."""
        try:
            first, second = await self.reader.readexactly(2)
            length = second & 0x7F
            if length == 126:
                length = struct.unpack("!H", await self.reader.readexactly(2))[0]
            elif length == 127:
                length = struct.unpack("!Q", await self.reader.readexactly(8))[0]
            return first & 0xF, await self.reader.readexactly(length)
        except (asyncio.IncompleteReadError, ConnectionError):
            return -1, b""

    async def ends(self) -> int:
        """The close code; 0 when the connection was cut without one."""
        async with asyncio.timeout(10):
            while True:
                opcode, payload = await self.receive()
                if opcode == CLOSE:
                    return int(struct.unpack("!H", payload[:2])[0])
                if opcode == -1:
                    return 0


@contextlib.asynccontextmanager
async def attacked(
    *, got: list[Any] | None = None, **chosen: Any
) -> AsyncIterator[tuple[Live, Secured, contextlib.AbstractAsyncContextManager[Raw]]]:
    """A server as `fastness serve` starts it, and a raw connection of somebody who is signed in."""
    app = FastAPI()
    seen = got if got is not None else []

    @app.websocket("/ws")
    async def echo(socket: WebSocket, user: CurrentUser) -> None:
        await socket.accept()
        while (message := await socket.receive())["type"] == "websocket.receive":
            seen.append(message.get("text") or message.get("bytes"))
            await socket.send_text("ok")

    settings = Settings(environment="development", websockets=WebSocketSettings(**chosen))
    secured = secure(app, settings)
    told = {name: value for name, value in options(app).items() if name.startswith("ws_")}
    async with serving(app, **told) as server:
        yield server, secured, raw(server, secured)


@contextlib.asynccontextmanager
async def raw(server: Live, secured: Secured, *head: str) -> AsyncIterator[Raw]:
    assert secured.tokens is not None
    reader, writer = await asyncio.open_connection(*server.host.split(":"))
    lines = [
        "GET /ws HTTP/1.1", f"Host: {server.host}", "Upgrade: websocket", "Connection: Upgrade",
        f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}", "Sec-WebSocket-Version: 13",
        f"Authorization: Bearer {secured.tokens.issue('eve')}", *head,
    ]  # fmt: skip
    writer.write("\r\n".join([*lines, "", ""]).encode())
    answer = await reader.readuntil(b"\r\n\r\n")
    assert b" 101 " in answer.splitlines()[0], answer
    try:
        yield Raw(reader, writer)
    finally:
        writer.close()


async def still_serves(server: Live, secured: Secured) -> None:
    assert secured.tokens is not None
    async with asyncio.timeout(5), server.open(token=secured.tokens.issue("ada")) as ws:
        await ws.send("hello")
        assert await ws.recv() == "ok"


def calm(caplog: pytest.LogCaptureFixture) -> bool:
    return not [each for each in caplog.records if each.name == "fastness" and each.levelno >= logging.ERROR]


@pytest.mark.parametrize("count", BURSTS)
async def test_a_burst_of_messages_ends_at_the_limit(count: int, caplog: pytest.LogCaptureFixture) -> None:
    got: list[Any] = []
    async with attacked(got=got) as (server, secured, connection):
        async with connection as ws:
            sending = asyncio.create_task(ws.send(*[frame(TEXT, b"a")] * count))
            assert await ws.ends() == 1008
            sending.cancel()
        assert 600 <= len(got) <= 620  # the rate lets one more pass every tenth of a second
        await still_serves(server, secured)
    assert calm(caplog)


@pytest.mark.parametrize("count", BURSTS)
@pytest.mark.parametrize("payload", [b"a", b""], ids=["of a byte", "empty"])
async def test_a_message_in_many_fragments_is_one_message(count: int, payload: bytes) -> None:
    got: list[Any] = []
    async with attacked(got=got) as (server, secured, connection), connection as ws:
        await ws.send(frame(TEXT, b"b", fin=False), *[frame(CONT, payload, fin=False)] * count, frame(CONT, b"e"))
        assert await ws.receive() == (TEXT, b"ok")
        await still_serves(server, secured)

    assert got[0] == "b" + payload.decode() * count + "e"


async def test_fragments_beyond_the_size_end_it_before_they_are_put_together() -> None:
    got: list[Any] = []
    async with attacked(got=got) as (_, __, connection), connection as ws:
        await ws.send(frame(BINARY, b"a" * 60_000, fin=False), frame(CONT, b"a" * 10_000, fin=False))
        assert await ws.ends() == 1009

    assert got == []


async def test_a_message_without_end_is_closed_as_idle() -> None:
    async with attacked(idle_timeout=0.5) as (_, __, connection), connection as ws:
        await ws.send(frame(TEXT, b"b", fin=False))

        async def trickle() -> None:
            while True:
                await ws.send(frame(CONT, b"", fin=False), frame(PING))
                await asyncio.sleep(0.02)

        slow = asyncio.create_task(trickle())
        assert await ws.ends() == 3008
        slow.cancel()


@pytest.mark.parametrize(
    ("frames", "code"),
    [
        ([frame(BINARY, says=1 << 40)], 1009),
        ([frame(BINARY, says=(1 << 63) - 1)], 1009),
        ([frame(BINARY, says=(1 << 64) - 1)], 1009),
        ([frame(TEXT, b"a", masked=False)], 1002),
        ([frame(TEXT, b"a", rsv=4)], 1002),
        ([frame(0x3, b"a")], 1002),
        ([frame(0xB, b"a")], 1002),
        ([frame(PING, b"a" * 126)], 1002),
        ([frame(PING, b"a", fin=False)], 1002),
        ([frame(CONT, b"a")], 1002),
        ([frame(TEXT, b"a", fin=False), frame(TEXT, b"a")], 1002),
        ([frame(CLOSE, b"\x00")], 1002),
        ([frame(CLOSE, struct.pack("!H", 1005))], 1002),
        ([frame(CLOSE, struct.pack("!H", 1000) + b"\xff")], 1007),
        ([frame(TEXT, b"\xed\xa0\x80")], 1007),
        ([frame(TEXT, b"\xf4\x90\x80\x80")], 1007),
        ([frame(TEXT, b"\xc0\x80")], 1007),
    ],
    ids=[
        "a terabyte", "2^63 - 1", "2^64 - 1", "not masked", "compressed, not agreed", "reserved opcode", "reserved control",
        "long ping", "ping in fragments", "continues nothing", "two messages at once", "close with half a code",
        "close with a reserved code", "close with no text", "surrogate", "beyond Unicode", "overlong",
    ],
)  # fmt: skip
async def test_a_frame_against_the_rules_ends_it(
    frames: list[bytes], code: int, caplog: pytest.LogCaptureFixture
) -> None:
    got: list[Any] = []
    async with attacked(got=got) as (server, secured, connection):
        async with connection as ws:
            await ws.send(*frames)
            assert await ws.ends() == code
        assert got == []
        await still_serves(server, secured)
    assert calm(caplog)


async def test_what_inflates_is_measured_when_it_is_large() -> None:
    got: list[Any] = []
    app = FastAPI()

    @app.websocket("/ws")
    async def count(socket: WebSocket, user: CurrentUser) -> None:
        await socket.accept()
        got.extend([len(text) async for text in socket.iter_text()])

    secured = secure(app, Settings(environment="development"))
    assert secured.tokens is not None
    eve = secured.tokens.issue("eve")
    # As people start uvicorn: with compression, and 16 MiB.
    async with serving(app) as server, server.open(token=eve, compression="deflate") as ws:
        await ws.send("\0" * 10_000_000)
        assert await closed(ws) == (1009, "message_too_large")

    assert got == []


async def test_a_reader_that_stalls_is_given_up_and_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets, "_PATIENCE", 0.1)
    monkeypatch.setattr(sockets, "_GRACE", 0.1)
    app = FastAPI()
    ended: list[str] = []

    @app.websocket("/ws")
    async def flood(socket: WebSocket, user: CurrentUser) -> None:
        await socket.accept()
        try:
            while True:
                await socket.send_text("x" * 60_000)
        finally:
            ended.append(user.id)

    chosen = WebSocketSettings(idle_timeout=0.3, connections_per_user=1)
    secured = secure(app, Settings(environment="development", websockets=chosen))
    async with serving(app) as server, raw(server, secured):
        await until(lambda: ended == ["eve"])
        async with raw(server, secured) as again:
            assert (await again.receive())[0] == TEXT
