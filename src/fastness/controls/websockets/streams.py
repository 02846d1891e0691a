"""An event stream is an answer that goes on: it ends when its caller's session does."""

from __future__ import annotations

import asyncio

from fastness.controls.websockets.watches import Watches
from fastness.core.errors import Refused
from fastness.core.exchange import Exchange, Header, Message, Send
from fastness.core.sockets import Ended

_EVENTS = b"text/event-stream"
_NOTICED = (2, 4)
"""From this version of the ASGI specification on, a send after the client went away raises OSError."""


def is_event_stream(headers: list[Header]) -> bool:
    """Whether an answer with these headers is a stream of server-sent events (WHATWG HTML section 9.2)."""
    kind = next((value for name, value in headers if name == b"content-type"), b"")
    return kind.partition(b";")[0].strip().lower() == _EVENTS


class Stream:
    """Sends the parts of one event stream, until the caller may read no more.

    Then the answer is completed in the application's place. To the application it looks as if the client had gone away:
    its server says so, and what it still sends goes nowhere.
    """

    def __init__(self, exchange: Exchange, send: Send, watches: Watches) -> None:
        self._send = send
        self._ended = self._sending = False
        version = str(exchange.scope.get("asgi", {}).get("spec_version", "2.0"))
        self._raises = tuple(int(part) for part in version.split(".")) >= _NOTICED
        self._closing: asyncio.Task[None] | None = None
        self._watch = watches.add(exchange, self._end)
        self._watch.check()  # nobody has watched until this first part, which may come late
        task = asyncio.current_task()
        if task is not None:  # however the answer ends: cut off, cancelled, or broken
            task.add_done_callback(lambda _: self._watch.stop())

    async def send(self, message: Message) -> None:
        """Pass one part on.

        Raises:
            Ended: the stream has ended, on servers that raise when a client has gone away.
        """
        await self._watch.settled()
        if self._ended:
            if self._raises:
                raise Ended
            return
        self._sending = True
        try:
            await self._send(message)
        finally:
            self._sending = False
        if not message.get("more_body"):
            self._ended = True
            self._watch.stop()
        elif self._over():
            await self._complete()

    def _over(self) -> bool:
        return self._ended

    def _end(self, _: Refused) -> None:
        self._ended = True
        if not self._sending:  # else two parts would be on their way at once
            self._closing = asyncio.get_running_loop().create_task(self._complete())

    async def _complete(self) -> None:
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})
