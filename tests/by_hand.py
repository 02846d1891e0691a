"""A request handed to an ASGI application exactly as written, where a client library would correct it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from fastness.core.events import Event
from fastness.core.exchange import Exchange, Message, Receive, Send

Pair = tuple[bytes, bytes]
LOCAL: Pair = (b"host", b"localhost")


@dataclass
class Reply:
    """What the application sent."""

    status: int = 0
    headers: list[Pair] = field(default_factory=list)
    body: bytes = b""

    def all(self, name: str) -> list[str]:
        return [value.decode("latin-1") for key, value in self.headers if key == name.encode()]

    def one(self, name: str) -> str | None:
        values = self.all(name)
        assert len(values) <= 1, f"{name} is sent {len(values)} times"
        return values[0] if values else None

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def http_scope(
    method: str = "GET",
    path: str = "/",
    *,
    headers: Iterable[Pair] = (LOCAL,),
    client: tuple[str, int] | None = ("203.0.113.7", 50_000),
    scheme: str = "http",
    version: str = "1.1",
) -> dict[str, Any]:
    return {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": version, "method": method, "scheme": scheme,
        "path": path, "raw_path": quote(path, safe="/!$&'()*+,;=:@~", errors="surrogatepass").encode(), "query_string": b"", "root_path": "", "headers": list(headers),
        "client": client, "server": ("127.0.0.1", 8000), "state": {},
    }  # fmt: skip


async def ask(app: Any, method: str = "GET", path: str = "/", *, body: Iterable[bytes] = (b"",), **how: Any) -> Reply:
    """One request; the body arrives in the given chunks. Exceptions of the application come through."""
    reply, chunks = Reply(), list(body)

    async def receive() -> Message:
        if not chunks:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": chunks.pop(0), "more_body": bool(chunks)}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            reply.status, reply.headers = message["status"], [(bytes(k), bytes(v)) for k, v in message["headers"]]
        else:
            reply.body += message.get("body", b"")

    await app(http_scope(method, path, **how), receive, send)
    return reply


async def connect(
    app: Any, path: str = "/ws", *, headers: Iterable[Pair] = (LOCAL,), denial: bool = True, scheme: str = "ws"
) -> list[Any]:
    """Open a WebSocket, send nothing, and give back what the application sent."""
    scope = http_scope(path=path, headers=headers)
    scope |= {"type": "websocket", "scheme": scheme, "subprotocols": []}
    del scope["method"]  # a WebSocket has none
    scope["extensions"] = {"websocket.http.response": {}} if denial else {}
    sent: list[Any] = []
    coming = [{"type": "websocket.connect"}, {"type": "websocket.disconnect", "code": 1000}]

    async def receive() -> Message:
        return coming.pop(0)  # type: ignore[return-value]

    async def send(message: Message) -> None:
        sent.append(message)

    await app(scope, receive, send)
    return sent


async def nothing(_: Any, receive: Receive, send: Send) -> None:
    """An application that reads its body and answers 200 with nothing of its own."""
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"ok"})


def exchange(**how: Any) -> Exchange:
    """An exchange that no application sees."""

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    return Exchange(http_scope(**how), receive)


class Seen(list[Event]):
    """A sink that keeps its events."""

    def __call__(self, event: Event) -> None:
        self.append(event)

    @property
    def types(self) -> list[str]:
        return [str(event.type) for event in self]
