"""Speaks ASGI to an application: its lifespan, and requests from addresses that nobody else has."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from fastness.core.exchange import Header, Message

_PATIENCE = 30.0
"""Seconds for a start, and for one answer."""


class NotStarted(Exception):
    """The application refused to start; the text is what an operator reads."""


@dataclass(slots=True)
class Reply:
    """What the application answered."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict[str, str])
    body: bytes = b""

    @property
    def code(self) -> str:
        """The stable code of a problem; empty for anything else."""
        with suppress(ValueError):
            found: Any = json.loads(self.body)
            return str(found.get("code", "")) if isinstance(found, dict) else ""
        return ""


class Visitor:
    """Asks one application, each time from a new address of TEST-NET-1 (RFC 5737), so that no limit answers instead."""

    def __init__(self, app: Any, *, host: str) -> None:
        self.app, self.host = app, host
        self.asked = 0
        self._addresses = count()

    async def ask(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: Iterable[bytes] = (b"",),
        address: str | None = None,
    ) -> Reply:
        """One request over https. An exception of the application is a 500 without headers, as a server would make it."""
        self.asked += 1
        reply, chunks = Reply(), list(body)
        raw: list[Header] = [
            (name.lower().encode(), value.encode()) for name, value in {"host": self.host, **(headers or {})}.items()
        ]
        number = next(self._addresses)
        scope: dict[str, Any] = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "https",
            "path": path, "raw_path": path.encode(), "query_string": b"", "root_path": "", "headers": raw,
            "client": (address or f"192.0.2.{number % 250 + 1}", 40_000 + number), "server": (self.host, 443),
            "state": {},
        }  # fmt: skip

        async def receive() -> Message:
            if not chunks:
                await asyncio.sleep(_PATIENCE)  # the client waits for its answer and says nothing more
                return {"type": "http.disconnect"}
            return {"type": "http.request", "body": chunks.pop(0), "more_body": bool(chunks)}

        async def send(message: Message) -> None:
            if message["type"] == "http.response.start":
                reply.status = message["status"]
                reply.headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in message["headers"]}
            else:
                reply.body += message.get("body", b"")

        try:
            await asyncio.wait_for(self.app(scope, receive, send), _PATIENCE)
        except Exception:  # noqa: BLE001 - whatever it is, a server would answer 500
            return Reply(500) if not reply.status else reply
        return reply

    async def connects(self, path: str, *, headers: Mapping[str, str] | None = None) -> bool:
        """Whether a WebSocket opens; it is closed at once."""
        self.asked += 1
        number = next(self._addresses)
        raw = [
            (name.lower().encode(), value.encode()) for name, value in {"host": self.host, **(headers or {})}.items()
        ]
        scope: dict[str, Any] = {
            "type": "websocket", "asgi": {"version": "3.0"}, "http_version": "1.1", "scheme": "wss", "path": path,
            "raw_path": path.encode(), "query_string": b"", "root_path": "", "headers": raw, "subprotocols": [],
            "client": (f"192.0.2.{number % 250 + 1}", 40_000 + number), "server": (self.host, 443), "state": {},
            "extensions": {"websocket.http.response": {}},
        }  # fmt: skip
        coming: list[Message] = [{"type": "websocket.connect"}, {"type": "websocket.disconnect", "code": 1000}]
        sent: list[str] = []

        async def receive() -> Message:
            return coming.pop(0) if coming else {"type": "websocket.disconnect", "code": 1000}

        async def send(message: Message) -> None:
            sent.append(message["type"])

        with suppress(Exception):  # whatever it is, nothing opened
            await asyncio.wait_for(self.app(scope, receive, send), _PATIENCE)
        return "websocket.accept" in sent


@asynccontextmanager
async def alive(app: Any) -> AsyncIterator[None]:
    """The application between its own start and stop.

    Raises:
        NotStarted: it said that its start failed.
    """
    incoming: asyncio.Queue[Message] = asyncio.Queue()
    outgoing: asyncio.Queue[Message] = asyncio.Queue()

    async def send(message: Message) -> None:
        await outgoing.put(message)

    scope = {"type": "lifespan", "asgi": {"version": "3.0"}, "state": dict[str, Any]()}
    task = asyncio.ensure_future(app(scope, incoming.get, send))
    try:
        await incoming.put({"type": "lifespan.startup"})
        said = await asyncio.wait_for(outgoing.get(), _PATIENCE)
        if said["type"] == "lifespan.startup.failed":
            raise NotStarted(str(said.get("message", "")))
        yield
    finally:
        await incoming.put({"type": "lifespan.shutdown"})
        await asyncio.wait([task], timeout=_PATIENCE)
        task.cancel()
        with suppress(asyncio.CancelledError, Exception):
            await task
