"""A WebSocket by hand: who may end it, what the application sees, and what the server hears."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import pytest
from fastapi import FastAPI, WebSocket

from by_hand import LOCAL, Seen, ask, connect, http_scope, nothing
from fastness import Settings, public, secure
from fastness.core import sockets
from fastness.core.asgi import alone
from fastness.core.errors import Forbidden, Refused, TooManyRequests, Unauthenticated, Unavailable
from fastness.core.exchange import Exchange, Header, Lasting, Message, Quiet, Send
from fastness.core.sockets import Socket, close_code

pytestmark = pytest.mark.anyio


class Talks(Quiet):
    """An element that does something with the socket before the application is asked."""

    def __init__(self, does: Callable[[Socket], Any]) -> None:
        self._does = does

    def enter(self, exchange: Exchange, /) -> Any:
        return self._does(exchange.socket)

    def leave(self, exchange: Exchange, headers: list[Header], /) -> None:
        headers.append((b"x-mark", b"1"))


async def accepting(_: Any, receive: Any, send: Any) -> None:
    assert (await receive())["type"] == "websocket.connect"
    await send({"type": "websocket.accept", "subprotocol": "late", "headers": []})
    while (await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": "heard"})


async def conversation(app: Any, *coming: Message) -> list[Message]:
    """Open a WebSocket, send these messages, go away; what the application sent."""
    sent: list[Message] = []
    queue = [{"type": "websocket.connect"}, *coming, {"type": "websocket.disconnect", "code": 1001}]

    async def receive() -> Message:
        return queue.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    scope = http_scope(path="/ws", headers=[LOCAL], scheme="ws") | {"type": "websocket", "subprotocols": []}
    await app(scope | {"extensions": {"websocket.http.response": {}}}, receive, send)
    return sent


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, 1008),
        (401, 3000),
        (403, 3003),
        (404, 1008),
        (408, 3008),
        (413, 1009),
        (429, 1008),
        (500, 1011),
        (503, 1013),
    ],
)
def test_a_status_has_one_close_code(status: int, code: int) -> None:
    assert close_code(status) == code


@pytest.mark.parametrize(
    ("refused", "end"),
    [
        (Unauthenticated("why"), (3000, "unauthenticated")),
        (Forbidden("why"), (3003, "forbidden")),
        (TooManyRequests("why", retry_after=1), (1008, "rate_limited")),
        (Unavailable("why"), (1013, "unavailable")),
    ],
)
async def test_a_refusal_after_acceptance_is_a_close_that_says_its_code_only(
    refused: Refused, end: tuple[int, str]
) -> None:
    async def app(_: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        raise refused

    sent = await conversation(alone(app))

    assert sent[-1] == {"type": "websocket.close", "code": end[0], "reason": end[1]}
    assert "why" not in repr(sent)


async def test_an_answer_by_a_handler_after_acceptance_is_a_close(caplog: pytest.LogCaptureFixture) -> None:
    events: Any = Seen()
    app = FastAPI()

    @app.websocket("/ws")
    @public("it finds out late")
    async def late(socket: WebSocket) -> None:
        await socket.accept()
        raise Forbidden

    secure(app, Settings(environment="development"), security_events=events)

    sent = await conversation(app)

    assert [message["type"] for message in sent] == ["websocket.accept", "websocket.close"]
    assert sent[-1]["code"] == 3003
    assert "sys_crash" not in events.types
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


async def test_an_answer_to_the_handshake_by_a_handler_carries_every_header() -> None:
    async def app(_: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.http.response.start", "status": 418, "headers": [(b"x-own", b"1")]})
        await send({"type": "websocket.http.response.body", "body": b"no"})

    sent = await conversation(alone(app, Talks(lambda _: None)))

    assert sent[0]["headers"] == [(b"x-own", b"1"), (b"x-mark", b"1")]


async def test_the_chain_may_speak_first_and_the_application_accepts_in_vain() -> None:
    heard: list[Message] = []

    async def first(socket: Socket) -> None:
        await socket.accept("early")
        heard.append(await socket.read())

    sent = await conversation(
        alone(accepting, Talks(first)),
        {"type": "websocket.receive", "text": "1"},
        {"type": "websocket.receive", "text": "2"},
    )

    assert heard == [{"type": "websocket.receive", "text": "1"}]
    assert [message["type"] for message in sent] == ["websocket.accept", "websocket.send"]
    assert sent[0]["subprotocol"] == "early"


async def test_a_judge_ends_it_and_the_application_sees_a_disconnect() -> None:
    seen: list[Message] = []

    def judge(message: Message) -> None:
        if message["text"] == "bad":
            raise Forbidden

    async def app(_: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        seen.extend([await receive() for _ in range(4)])

    await conversation(
        alone(app, Talks(lambda socket: setattr(socket, "judge", judge))),
        *({"type": "websocket.receive", "text": text} for text in ("good", "bad", "good")),
    )

    assert [message.get("text") for message in seen] == ["good", None, None, None]
    assert seen[1] == {"type": "websocket.disconnect", "code": 3003, "reason": "forbidden"}


async def test_after_the_end_sending_fails_and_closing_does_not() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        await scope["fastness"].socket.end(Forbidden())
        await send({"type": "websocket.close", "code": 1000})
        with pytest.raises(OSError):  # noqa: PT011 - what Starlette catches
            await send({"type": "websocket.send", "text": "late"})

    sent = await conversation(alone(app))

    assert [message["type"] for message in sent] == ["websocket.accept", "websocket.close"]


async def test_what_was_on_its_way_when_it_ended_is_not_delivered() -> None:
    seen: list[Message] = []
    coming: asyncio.Queue[Message] = asyncio.Queue()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        reading = asyncio.create_task(receive())
        await asyncio.sleep(0)
        await scope["fastness"].socket.end(Forbidden())
        coming.put_nowait({"type": "websocket.receive", "text": "late"})
        seen.append(await reading)

    async def send(_: Message) -> None: ...

    coming.put_nowait({"type": "websocket.connect"})
    scope = http_scope(path="/ws", headers=[LOCAL], scheme="ws") | {"type": "websocket", "subprotocols": []}
    await alone(app)(scope, coming.get, send)

    assert seen == [{"type": "websocket.disconnect", "code": 3003, "reason": "forbidden"}]


async def test_ordinary_requests_never_meet_the_element_of_what_stays_open() -> None:
    met: list[str] = []

    class Stays(Lasting):
        def enter(self, exchange: Exchange, /) -> None:
            met.append(exchange.scope["type"])

        def stream(self, exchange: Exchange, headers: list[Header], send: Send, /) -> Send:
            met.append("stream")
            return send

    chain = alone(nothing, Stays())
    reply = await ask(chain)
    await connect(alone(accepting, Stays()))

    assert reply.status == 200
    assert met == ["websocket"]


async def test_an_answer_in_parts_is_shown_once() -> None:
    shown: list[list[Header]] = []

    class Stays(Lasting):
        def stream(self, exchange: Exchange, headers: list[Header], send: Send, /) -> Send:
            shown.append(headers)
            return send

    async def app(_: Any, __: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"x-own", b"1")]})
        for more in (True, True, False):
            await send({"type": "http.response.body", "body": b"x", "more_body": more})

    reply = await ask(alone(app, Stays()))

    assert (reply.body, shown) == (b"xxx", [[(b"x-own", b"1")]])


async def test_it_ends_once() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        socket: Socket = scope["fastness"].socket
        socket.end_soon(Forbidden())
        socket.end_soon(Unavailable())
        await socket.end(Unauthenticated())
        await asyncio.sleep(0.01)

    sent = await conversation(alone(app))

    assert [message["type"] for message in sent].count("websocket.close") == 1


async def test_a_cancellation_by_the_server_goes_through() -> None:
    async def app(_: Any, receive: Any, send: Any) -> None:
        await asyncio.sleep(3600)

    task = asyncio.create_task(conversation(alone(app)))
    await asyncio.sleep(0.01)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_peer_that_reads_nothing_holds_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets, "_PATIENCE", 0.05)
    monkeypatch.setattr(sockets, "_GRACE", 0.05)
    over: list[int] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        socket: Socket = scope["fastness"].socket
        socket.closing.append(lambda: over.append(1))
        socket.end_soon(Forbidden())
        await send({"type": "websocket.send", "text": "x"})  # blocked in the server for ever

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        if message["type"] != "websocket.accept":
            await asyncio.sleep(3600)

    scope = http_scope(path="/ws", headers=[LOCAL], scheme="ws") | {"type": "websocket", "subprotocols": []}
    async with asyncio.timeout(3):
        await alone(app)(scope, receive, send)

    assert over == [1]


async def test_a_crash_is_logged_once_and_closes_with_1011(caplog: pytest.LogCaptureFixture) -> None:
    async def app(_: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        raise RuntimeError("hunter2")

    sent = await conversation(alone(app))

    assert sent[-1] == {"type": "websocket.close", "code": 1011, "reason": "internal_error"}
    assert [record.levelno for record in caplog.records].count(logging.ERROR) == 1


async def test_a_crash_after_the_peer_went_away_is_still_a_crash(caplog: pytest.LogCaptureFixture) -> None:
    async def app(_: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        await receive()
        raise KeyError("a bug in the cleaning up")

    await conversation(alone(app))

    assert [record.levelno for record in caplog.records].count(logging.ERROR) == 1


async def test_a_socket_without_denial_is_closed() -> None:
    async def app(*_: Any) -> None:
        raise Forbidden

    assert await connect(alone(app), denial=False) == [{"type": "websocket.close", "code": 1008}]
