"""An application behind a real server on loopback, in the event loop of the test."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from typing import Any

import uvicorn
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus


class Server(uvicorn.Server):
    """uvicorn, which leaves the signals of the test run alone."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@dataclass
class Live:
    """Where the application answers."""

    host: str
    server: uvicorn.Server

    @property
    def url(self) -> str:
        return f"http://{self.host}"

    def open(self, path: str = "/ws", **how: Any) -> connect:
        """A WebSocket of a client that is no browser, unless `origin` is given. `token` goes into the header."""
        headers = dict(how.pop("headers", {}))
        if "token" in how:
            headers["Authorization"] = f"Bearer {how.pop('token')}"
        return connect(
            f"ws://{self.host}{path}", additional_headers=headers, ping_interval=None, proxy=None,
            max_size=2**24, **{"compression": None, **how},
        )  # fmt: skip

    async def refused(self, path: str = "/ws", **how: Any) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body with which a handshake is refused."""
        with contextlib.suppress(InvalidStatus):
            try:
                async with self.open(path, **how):
                    pass
            except InvalidStatus as answer:
                response = answer.response
                return (
                    response.status_code,
                    {k.lower(): v for k, v in response.headers.raw_items()},
                    bytes(response.body or b""),
                )
        raise AssertionError("the handshake was accepted")


async def closed(connection: ClientConnection, *, within: float = 10.0) -> tuple[int, str]:
    """Read until the server closes; its code and reason."""
    with contextlib.suppress(ConnectionClosed):
        async with asyncio.timeout(within):
            while True:
                await connection.recv()
    assert connection.close_code is not None
    return connection.close_code, connection.close_reason or ""


async def until(true: Callable[[], bool], *, within: float = 10.0) -> None:
    """Wait for something that nobody announces."""
    async with asyncio.timeout(within):
        while not true():  # noqa: ASYNC110 - nobody announces it
            await asyncio.sleep(0.005)


@contextlib.asynccontextmanager
async def serving(app: Any, **options: Any) -> AsyncIterator[Live]:
    """Serve until the block ends; what is open then is closed."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        config = uvicorn.Config(
            app, proxy_headers=False, server_header=False, access_log=False, log_level="warning", log_config=None,
            timeout_graceful_shutdown=1, **{"ws": "websockets-sansio", **options},
        )  # fmt: skip
        server = Server(config)
        running = asyncio.create_task(server.serve(sockets=[listening]))
        await until(lambda: server.started or running.done())
        try:
            yield Live(f"127.0.0.1:{listening.getsockname()[1]}", server)
        finally:
            server.should_exit = True
            await running
