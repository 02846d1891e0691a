"""Open WebSockets and event streams end with the session: here at once, in another worker within a second."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

import pytest
from fastapi import FastAPI, WebSocket
from fastapi.responses import StreamingResponse

from accounts.serving import Served, bearer, serving
from fastness import CurrentUser
from live import Live, closed
from live import serving as listening

pytestmark = pytest.mark.anyio


@contextlib.asynccontextmanager
async def workers(url: str) -> AsyncIterator[tuple[tuple[Served, Live], tuple[Served, Live]]]:
    """Two workers of one service, each with a route that stays open, behind a server of its own."""
    async with contextlib.AsyncExitStack() as stack:
        made = []
        for _ in range(2):
            served = await stack.enter_async_context(
                serving(url, revocation_interval=0.2, settings={"websockets": {"recheck": 30}})
            )
            _routes(served.app)
            made.append((served, await stack.enter_async_context(listening(served.app, lifespan="off"))))
        yield made[0], made[1]


def _routes(app: FastAPI) -> None:
    @app.websocket("/ws")
    async def ws(socket: WebSocket, user: CurrentUser) -> None:
        await socket.accept()
        await socket.send_text(user.id)
        async for text in socket.iter_text():
            await socket.send_text(text)

    @app.get("/events")
    async def events(user: CurrentUser) -> StreamingResponse:
        async def ticks() -> AsyncIterator[str]:
            yield "data: begin\n\n"
            await asyncio.sleep(3600)

        return StreamingResponse(ticks(), media_type="text/event-stream")


@pytest.mark.workers
@pytest.mark.parametrize("way", ["/auth/logout", "/auth/logout-all", "suspended"])
async def test_signing_out_ends_what_is_open_here_at_once_and_elsewhere_within_a_second(url: str, way: str) -> None:
    async with workers(url) as ((here, front), (_, elsewhere)):
        who = await here.signed_in()
        admin = await here.signed_in("root@example.com", role="super_admin")
        token = who["Authorization"].removeprefix("Bearer ")
        async with front.open(token=token) as near, elsewhere.open(token=token) as far:
            user = await near.recv()
            assert await far.recv() == user
            begun = time.perf_counter()
            if way == "suspended":
                answer = await here.client.post(f"/users/{user!s}/suspend", headers=admin)
            else:
                answer = await here.client.post(way, headers=who)
            assert answer.status_code < 300, answer.text
            assert await closed(near) == (3000, "session_ended")
            assert await closed(far) == (3000, "session_ended")
            assert time.perf_counter() - begun < 3


async def test_another_session_of_the_same_person_stays(url: str) -> None:
    async with workers(url) as ((here, front), _):
        one = await here.signed_in()
        two = bearer(await here.login())
        async with front.open(token=two["Authorization"].removeprefix("Bearer ")) as ws:
            await ws.recv()
            assert (await here.client.post("/auth/logout", headers=one)).status_code < 300
            await asyncio.sleep(0.5)
            await ws.send("still here")
            assert await ws.recv() == "still here"


async def test_signing_out_ends_an_event_stream(url: str) -> None:
    async with workers(url) as ((here, front), _):
        who = await here.signed_in()
        reader, writer = await asyncio.open_connection(*front.host.split(":"))
        writer.write(
            f"GET /events HTTP/1.1\r\nHost: localhost\r\nAuthorization: {who['Authorization']}\r\n\r\n".encode()
        )
        await reader.readuntil(b"data: begin")
        assert (await here.client.post("/auth/logout", headers=who)).status_code < 300
        async with asyncio.timeout(3):
            await reader.readuntil(b"\r\n0\r\n\r\n")
        writer.close()
