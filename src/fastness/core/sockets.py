"""A WebSocket on its way through the chain: elements look at the handshake, and a refusal becomes an answer or a close."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from fastness.core.clock import steady
from fastness.core.errors import Refused
from fastness.core.exchange import Answer, App, Exchange, Header, Message, Receive, Scope, Send, current

_CRASHED = (1011, "internal_error")
_CLOSES = {401: 3000, 403: 3003, 408: 3008, 413: 1009, 500: 1011, 503: 1013}
_POLICY = 1008
_PATIENCE = 5.0
"""Seconds for a close to leave while the peer reads slowly."""
_GRACE = 10.0
"""Seconds for an application to end after its connection did."""

Judge = Callable[[Message], Awaitable[None] | None]
Leave = Callable[[Exchange, list[Header]], None]


def close_code(status: int) -> int:
    """The close code that says what this HTTP status says.

    3000 (unauthorized), 3003 (forbidden) and 3008 (timeout) are in the IANA WebSocket Close Code Number Registry; 1008,
    1009, 1011 and 1013 in RFC 6455 section 7.4.1 and the same registry. What has no code of its own is 1008.
    """
    return _CLOSES.get(status, _POLICY)


class Ended(ConnectionError):
    """The application sends into a WebSocket that the chain has closed. Starlette makes a disconnect of it."""


class Socket:
    """One WebSocket between the server and the application. Elements may speak first, judge messages, and end it.

    Whoever ends it, the application sees an ordinary disconnect, and nothing that arrives afterwards reaches it. The
    peer reads a close code and the stable `code` of the refusal, never a reason that is for the log.
    """

    judge: Judge | None = None
    """Asked about every message before the application sees it; raises `Refused` to end the connection."""

    def __init__(
        self, exchange: Exchange, send: Send, leaves: Sequence[Leave], *, tell: Callable[[Refused], Any]
    ) -> None:
        """`leaves` add headers where a handshake is answered; `tell` reports a refusal that nobody renders."""
        self._exchange, self._send, self._leaves, self._tell = exchange, send, leaves, tell
        self.accepted = False
        self.ended: tuple[int, str] | None = None
        """Close code and reason, once the chain has ended it."""
        self.gone = False
        """Whether the peer went away."""
        self.denied = False
        """Whether the handshake was answered like a request."""
        self.moved = steady()
        """When a message last passed, in either direction."""
        self.closing: list[Callable[[], None]] = []
        """Called once, as soon as the connection counts as over."""
        self._opening: Message | None = None
        self._asked = self._by_chain = False
        self._task = asyncio.current_task()
        self._cut = False
        self._pending: set[asyncio.Task[None] | asyncio.TimerHandle] = set()

    async def connected(self) -> Message:
        """Take the server's `websocket.connect`, once; it must be taken before any answer."""
        if self._opening is None:
            self._opening = await self._exchange.receive()
        return self._opening

    async def accept(self, subprotocol: str | None = None) -> None:
        """Accept in the chain, to speak before the application does, whose own acceptance is then swallowed."""
        await self.connected()
        self.accepted = self._by_chain = self._exchange.started = True
        await self._send({"type": "websocket.accept", "subprotocol": subprotocol, "headers": []})

    async def read(self) -> Message:
        """The next message, for the chain; the application will not see it."""
        return self._noticed(await self._exchange.receive())

    async def receive(self) -> Message:
        """The next message, for the application."""
        if not self._asked:
            self._asked = True
            return await self.connected()
        if self.ended is None and not self.gone:
            message = self._noticed(await self._exchange.receive())
            if self.ended is None:
                if self.judge is None or message["type"] != "websocket.receive":
                    return message
                try:
                    waiting = self.judge(message)
                    if waiting is not None:
                        await waiting
                except Refused as refused:
                    await self.end(refused)
                if self.ended is None:
                    return message
        code, reason = self.ended or (1006, "")
        return {"type": "websocket.disconnect", "code": code, "reason": reason}

    async def send(self, message: Message) -> None:
        """Pass on what the application sends.

        Raises:
            Ended: the chain has ended this connection.
        """
        kind = message["type"]
        if self.ended is not None:
            if kind == "websocket.send":
                raise Ended
            return
        if kind == "websocket.send":
            self.moved = steady()
        elif not await self._decides(kind, message):
            return
        try:
            await self._send(message)
        except OSError:
            self.gone = True
            raise

    async def _decides(self, kind: str, message: Message) -> bool:
        """Whether the server should hear this answer to the handshake, or this end, from the application."""
        if kind == "websocket.accept":
            if self._by_chain:
                self._by_chain = False
                return False
            self.accepted = True
        elif kind == "websocket.close":
            self._settle()
        elif self.accepted:  # an exception handler answers as if the handshake were still open
            if kind == "websocket.http.response.start":
                await self._close(close_code(message["status"]), "")
            return False
        elif kind == "websocket.http.response.start":
            message["headers"] = list(message.get("headers", ()))
            self._denying(message["status"], message["headers"])
        self._exchange.started = True
        return True

    async def deny(self, status: int, headers: list[Header], body: bytes) -> None:
        """Answer the handshake like a request (ASGI's WebSocket Denial Response)."""
        self._exchange.started = True
        self._denying(status, headers)
        await self._send({"type": "websocket.http.response.start", "status": status, "headers": headers})
        await self._send({"type": "websocket.http.response.body", "body": body})

    def _denying(self, status: int, headers: list[Header]) -> None:
        self.denied, self._exchange.status = True, status
        for leave in self._leaves:
            leave(self._exchange, headers)

    async def end(self, refused: Refused) -> None:
        """Close with this refusal's code, once; the application then sees a disconnect."""
        if self.ended is None:
            self.ended = (close_code(refused.status), refused.code)
            self._tell(refused)
            await self._close(*self.ended)

    def end_soon(self, refused: Refused) -> None:
        """`end`, for callers that cannot wait: what arrives from now on is not delivered."""
        if self.ended is None:
            task = asyncio.get_running_loop().create_task(self.end(refused))
            self._pending.add(task)
            task.add_done_callback(self._pending.discard)

    async def _close(self, code: int, reason: str) -> None:
        self.ended = (code, reason)
        self._settle()
        with contextlib.suppress(RuntimeError, OSError, TimeoutError):  # the peer or the application was faster
            async with asyncio.timeout(_PATIENCE):
                await self._send({"type": "websocket.close", "code": code, "reason": reason})
        if self._task is not None and self._task is not asyncio.current_task():
            # An application that neither reads nor sends would never hear of it.
            self._pending.add(asyncio.get_running_loop().call_later(_GRACE, self._cancel))

    def _cancel(self) -> None:
        if self._task is not None and not self._task.done():
            self._cut = True
            self._task.cancel()

    def _noticed(self, message: Message) -> Message:
        self.moved = steady()
        if message["type"] == "websocket.disconnect":
            self.gone = True
            self._settle()
        return message

    def _settle(self) -> None:
        while self.closing:
            self.closing.pop()()

    def finish(self) -> None:
        """The application has returned: nothing may happen to this connection any more."""
        self._settle()
        self._task = None
        for pending in list(self._pending):
            if isinstance(pending, asyncio.TimerHandle):
                pending.cancel()

    def cut(self) -> bool:
        """Whether the chain itself cancelled the application; takes the cancellation back."""
        task = asyncio.current_task()
        if not self._cut or task is None:
            return False
        self._cut = False
        return task.uncancel() == 0

    def over(self, error: Exception) -> bool:
        """Whether this exception says no more than that the connection is over, as in a handler without `try`."""
        # Named by its name, since nothing here knows Starlette.
        return (self.gone or self.ended is not None) and (
            isinstance(error, OSError) or type(error).__name__ == "WebSocketDisconnect"
        )


@dataclass(frozen=True, slots=True)
class Sockets:
    """Runs elements around an ASGI application for WebSockets, as `Pipeline` does for requests."""

    app: App
    enters: Sequence[Callable[[Exchange], Awaitable[None] | None]]
    leaves: Sequence[Leave]
    answer: Answer
    crashed: Callable[[Exchange, Exception], Refused]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = Exchange(scope, receive)
        scope["fastness"] = exchange
        socket = Socket(exchange, send, self.leaves, tell=lambda refused: self.answer(exchange, refused))
        exchange.socket = socket
        token = current.set(scope)
        try:
            for enter in self.enters:
                waiting = enter(exchange)
                if waiting is not None:
                    await waiting
            await self.app(scope, socket.receive, socket.send)
        except Refused as refused:
            await self._refuse(exchange, socket, refused, send)
        except Exception as error:  # noqa: BLE001 - whatever broke, the socket is closed and the log has it
            if not socket.over(error):
                self.crashed(exchange, error)
                with contextlib.suppress(RuntimeError, OSError):
                    await send({"type": "websocket.close", "code": _CRASHED[0], "reason": _CRASHED[1]})
        except asyncio.CancelledError:
            if not socket.cut():
                raise
        finally:
            current.reset(token)
            if socket.denied:
                # uvicorn 0.54 logs an error unless it has noticed its own closing when the application returns.
                await asyncio.sleep(0)
            socket.finish()
            exchange.socket = None
            exchange.release(receive)

    async def _refuse(self, exchange: Exchange, socket: Socket, refused: Refused, send: Send) -> None:
        if socket.accepted:
            await socket.end(refused)
            return
        await socket.connected()  # ASGI wants websocket.connect taken before the answer
        status, headers, body = self.answer(exchange, refused)
        if exchange.started or "websocket.http.response" not in (exchange.scope.get("extensions") or {}):
            with contextlib.suppress(RuntimeError, OSError):  # the application may have closed it already
                await send({"type": "websocket.close", "code": _POLICY})
            return
        await socket.deny(status, headers, body)
