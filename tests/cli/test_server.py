"""What the server is told before it reads anything for us."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from fastapi import FastAPI, WebSocket

from fastness import Settings, public, secure
from fastness.cli.server import options
from fastness.controls.websockets import WebSocketSettings
from live import closed, serving

pytestmark = pytest.mark.anyio


async def test_the_server_refuses_a_large_message_while_it_arrives_and_compresses_nothing() -> None:
    app = FastAPI()
    got: list[Any] = []

    @app.websocket("/ws")
    @public("it counts")
    async def count(socket: WebSocket) -> None:
        await socket.accept()
        async for text in socket.iter_text():
            got.append(len(text))
            await socket.send_text("ok")

    settings = Settings(environment="development", websockets=WebSocketSettings(max_message_size=1000))
    secure(app, settings, websockets=False)
    told = {name: value for name, value in options(app).items() if name.startswith("ws_")}
    async with serving(app, **told) as server, server.open(compression="deflate") as ws:
        assert "sec-websocket-extensions" not in (ws.response.headers if ws.response else {})
        await ws.send("a" * 1000)
        await ws.recv()
        with contextlib.suppress(Exception):
            await ws.send("a" * 1001)
        assert (await closed(ws))[0] == 1009

    assert got == [1000]
