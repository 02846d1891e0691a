"""uvicorn's HTTP protocol with patience that ends: how slow a client may be, and how much head a request may have.

uvicorn waits forever for the rest of a request and takes ten megabytes of header lines (RFC 6585 section 5; CWE-400).
A slow request costs a connection and no CPU, so one look at each connection every few seconds is enough.
"""

from __future__ import annotations

import asyncio
import json
from http import HTTPStatus
from typing import Any, ClassVar

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

_CODES = {408: "request_timeout", 431: "headers_too_large"}


class HeadTooLarge(Exception):
    """More header lines than any client needs."""


class PatientProtocol(HttpToolsProtocol):
    """Ends connections that send too slowly, refuses heads that are too large, and drops trailers.

    Bodies are the chain's affair, but for what a chunked one carries between and after its bytes: as much as a head.
    """

    head_seconds: ClassVar[float] = 10.0
    """From the first byte, or the connection, to the end of the header lines."""
    head_bytes: ClassVar[int] = 32_768
    head_lines: ClassVar[int] = 100
    body_rate: ClassVar[int] = 500
    """Bytes a second that a body must bring, looked at over `period` seconds."""
    period: ClassVar[float] = 5.0
    answer_seconds: ClassVar[float] = 60.0
    """How long a client may take nothing of an answer that waits for it."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Called by the event loop."""
        super().connection_made(transport)
        self._head_since: float | None = self.loop.time()
        self._head_size = self._part = self._refused = 0
        self._in_body = self._completed = False
        self._came = self._bare = 0
        self._seen: int | None = None
        self._waiting, self._stuck_since = 0, 0.0
        self._look = self.loop.call_later(self.period, self._check)

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the event loop."""
        self._look.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Called by the event loop."""
        self._part = len(data)
        self._bare += self._part
        self._completed = False
        super().data_received(data)
        if self._refused:
            return
        if self._head_since is not None:
            # Of a part in which the request before it ended, not all is its own.
            self._head_size = self._measured() if self._completed else self._head_size + len(data)
            if self._head_size > self.head_bytes:
                self._refuse(431)
        elif self._in_body and self._bare > self.head_bytes:
            self._refuse(431)

    def on_message_begin(self) -> None:
        """Called by the parser: a request begins."""
        super().on_message_begin()
        if self._head_since is None:
            self._head_since, self._head_size = self.loop.time(), 0

    def on_header(self, name: bytes, value: bytes) -> None:
        """Called by the parser, for a trailer too: it is dropped, for the head was judged (RFC 9110 section 6.5.1)."""
        if self._head_since is not None:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Called by the parser.

        Raises:
            HeadTooLarge: the parser ends with it, and the connection.
        """
        # Measured only where it could be too much: a part that holds a large head, or a large body's beginning.
        large = self._head_size + self._part > self.head_bytes and self._measured() > self.head_bytes
        if large or len(self.headers) > self.head_lines:
            self._refused = 431
            raise HeadTooLarge
        self._head_since = None
        self._in_body, self._came, self._seen = True, 0, None
        self._bare = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Called by the parser."""
        self._came += len(body)
        self._bare = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Called by the parser."""
        self._in_body, self._completed = False, True
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """What uvicorn calls when the parser failed."""
        if self._refused:
            self._refuse(self._refused)
        else:
            super().send_400_response(msg)

    def _check(self) -> None:
        if self.transport.is_closing() or self.transport.get_protocol() is not self:
            return  # over, or a WebSocket's now
        self._look = self.loop.call_later(self.period, self._check)
        if self._nobody_reads():
            self.transport.abort()
            return
        if self.flow.read_paused:
            return  # we are who is slow
        if self._head_since is not None:
            if self.loop.time() - self._head_since > self.head_seconds:
                self._refuse(408)
        elif self._in_body:
            before, self._seen = self._seen, self._came
            # The first look at a body comes some time after it began.
            if before is not None and self._came - before < self.body_rate * self.period:
                self._refuse(408)

    def _nobody_reads(self) -> bool:
        waiting = self.transport.get_write_buffer_size() if self.flow.write_paused else 0
        if not waiting or waiting != self._waiting:
            self._waiting, self._stuck_since = waiting, self.loop.time()
        return self.loop.time() - self._stuck_since > self.answer_seconds

    def _measured(self) -> int:
        return len(self.url) + sum(len(name) + len(value) for name, value in self.headers)

    def _refuse(self, status: int) -> None:
        if self.transport.is_closing():
            return  # the parser's own 400 was the answer
        self._refused = status
        cycle: Any = self.cycle
        if cycle is None or cycle.response_complete or not cycle.response_started:
            body = json.dumps({
                "type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "code": _CODES[status],
            }).encode()  # fmt: skip
            head = b"content-type: application/problem+json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % len(
                body
            )
            self.transport.write(STATUS_LINE[status] + head + body)
        self.transport.close()
