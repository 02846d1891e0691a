"""One connection to Redis or Valkey: questions in order, answers in the same order.

A question that nobody waits for any more keeps its place in the queue: its answer is read and dropped, never given to
the next caller (CVE-2023-28858, CVE-2023-28859).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, cast

from fastness.core.errors import MissingExtra

try:
    import hiredis
except ImportError as error:  # pragma: no cover - needs an environment without the extra
    raise MissingExtra("Redis", "redis") from error

_NOTHING = object()
_ELSEWHERE = frozenset({"READONLY", "MASTERDOWN", "NOAUTH"})
"""Errors after which the connection is made anew: after a fail-over the name leads to another machine."""

Interpret = Callable[[Any], Any]
"""Makes the result of a question from the answer."""
Question = tuple[bytes, Interpret, "asyncio.Future[Any]"]


class RedisAway(ConnectionError):
    """Redis cannot be reached or does not answer in time. The text holds no address and no password."""


class RedisSlow(RedisAway, TimeoutError):
    """Redis did not answer within the budget."""


class RedisRefused(RedisAway):
    """Redis, or TLS on the way to it, says no; the text is the code (`WRONGPASS`, `OOM`, `READONLY`)."""

    @property
    def code(self) -> str:
        """The code alone."""
        return str(self)


class Wire(asyncio.Protocol):
    """One connection: questions in order, answers in the same order."""

    def __init__(self, again: Callable[[str, bytes], bytes | None]) -> None:
        self._again = again
        self._transport: asyncio.Transport | None = None
        self._reader = hiredis.Reader(notEnoughData=_NOTHING)
        self._waiting: deque[Question] = deque()
        self._batches: deque[tuple[float, int]] = deque()
        self._written = self._answered = 0
        self._ended: asyncio.Future[None] | None = None
        self.lost = False

    def write(self, asked: list[Question], deadline: float) -> float:
        """Send these questions in one piece; gives the deadline back."""
        self._waiting.extend(asked)
        self._written += len(asked)
        self._batches.append((deadline, self._written))
        if self._transport is not None:
            self._transport.write(asked[0][0] if len(asked) == 1 else b"".join([question for question, _, _ in asked]))
        return deadline

    def deadline(self) -> float | None:
        """When the oldest unanswered question is over; None when all are answered."""
        batches = self._batches
        while batches and batches[0][1] <= self._answered:
            batches.popleft()
        return batches[0][0] if batches else None

    def abort(self, kind: type[RedisAway] = RedisAway, why: str = "gave up") -> None:
        """End it now; all that is unanswered fails."""
        self.lost = True
        if self._transport is not None:
            self._transport.abort()
        waiting, self._waiting = self._waiting, deque()
        fail(waiting, kind, why)

    async def close(self) -> None:
        """End it, and wait until the socket is closed."""
        if self._transport is not None and self._ended is not None:
            self.abort(RedisAway, "closed")
            await self._ended

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the event loop."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one by its methods only
        self._ended = asyncio.get_running_loop().create_future()

    def data_received(self, data: bytes) -> None:
        """Called by the event loop: hand out every answer that is complete."""
        reader, waiting = self._reader, self._waiting
        try:
            reader.feed(data)
            while (answer := reader.gets()) is not _NOTHING:
                question, interpret, future = waiting.popleft()
                self._answered += 1
                if type(answer) is hiredis.ReplyError:
                    self._error(str(answer).partition(" ")[0], question, interpret, future)
                elif not future.done():
                    future.set_result(interpret(answer))
        except (hiredis.ProtocolError, IndexError):
            # Not Redis, or answers that nobody asked for: nothing from here can be trusted.
            self.abort(RedisAway, "no such protocol")

    def _error(self, code: str, question: bytes, interpret: Interpret, future: asyncio.Future[Any]) -> None:
        other = self._again(code, question)
        if other is not None:
            deadline = self._batches[-1][0] if self._batches else asyncio.get_running_loop().time()
            self.write([(other, interpret, future)], deadline)
            return
        if not future.done():
            future.set_exception(RedisRefused(code))
        if code in _ELSEWHERE:
            self.abort(RedisRefused, code)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the protocol's signature
        """Called by the event loop."""
        self.abort(RedisAway, "the connection broke")
        if self._ended is not None and not self._ended.done():
            self._ended.set_result(None)


def fail(questions: Iterable[Question], kind: type[RedisAway], why: str) -> None:
    """None of these questions gets an answer."""
    for _, _, future in questions:
        if not future.done():
            future.set_exception(kind(why))
