"""One connection to Redis or Valkey that many tasks share: what they ask in one turn of the event loop is one write.

redis-py takes a connection out of a pool, packs, awaits and parses for each command, 55 µs of CPU for one that decides
a limit. Here asking is appending to a list, and an answer is one integer that hiredis reads: some 5 µs.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from ssl import SSLContext, SSLError
from typing import Any

from fastness.stores.wire import Interpret, Question, RedisAway, RedisRefused, RedisSlow, Wire, fail

_PAUSE = 0.1
"""Seconds between two attempts to connect."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where Redis is, and what it is told first. Shows no password."""

    host: str = "localhost"
    port: int = 6379
    path: str | None = None
    """A Unix socket, instead of host and port."""
    tls: SSLContext | None = field(default=None, repr=False)
    greeting: tuple[bytes, ...] = field(default=(), repr=False)
    """Packed commands, such as AUTH and SELECT."""


class Pipe:
    """Asks and answers. It connects when it is first asked, and again when it is asked after the connection broke."""

    _sending: bool

    def __init__(
        self,
        place: Place,
        *,
        budget: float,
        patience: float = 1.0,
        again: Callable[[str, bytes], bytes | None] = lambda _code, _question: None,
    ) -> None:
        """`budget` seconds for an answer, `patience` seconds to connect; `again` may answer an error code with
        another question, which takes the place of the first.
        """
        self._place, self._budget, self._patience, self._again = place, budget, patience, again
        self._loop: asyncio.AbstractEventLoop | None = None
        self._forget()

    def ask(self, question: bytes, interpret: Interpret) -> asyncio.Future[Any]:
        """Send a packed command with all others of this turn; the future raises RedisAway when there is no answer."""
        loop = asyncio.get_running_loop()
        if loop is not self._loop:  # another event loop, as in tests: its predecessor took the connection along
            self._forget()
            self._loop = loop
        future: asyncio.Future[Any] = loop.create_future()
        self._asked.append((question, interpret, future))
        if not self._sending:
            self._sending = True
            loop.call_soon(self._send)
        return future

    async def close(self) -> None:
        """End the connection; a later question opens another one."""
        wire, dialling = self._wire, self._dialling
        if self._loop is not asyncio.get_running_loop():
            return
        if self._timer is not None:
            self._timer.cancel()
        asked = self._asked
        self._forget()
        if dialling is not None:
            dialling.cancel()
            await asyncio.wait([dialling])
        if wire is not None:
            await wire.close()
        fail(asked, RedisAway, "closed")

    def _forget(self) -> None:
        self._asked: list[Question] = []
        self._sending = False
        self._wire: Wire | None = None
        self._dialling: asyncio.Task[None] | None = None
        self._not_before = float("-inf")
        self._held_until: float | None = None
        self._why = ""
        self._timer: asyncio.TimerHandle | None = None

    def _send(self) -> None:
        self._sending = False
        wire = self._wire
        if wire is None or wire.lost:
            if self._asked:
                self._dial()
            return
        asked, self._asked = self._asked, []
        self._watch(wire.write(asked, self._now() + self._budget))

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    # Connecting

    def _dial(self) -> None:
        self._wire = None
        if self._dialling is None:
            if self._now() < self._not_before:
                self._fail_held(RedisAway, self._why)
                return
            self._dialling = asyncio.get_running_loop().create_task(self._connect(), name="fastness redis")
        # Whoever asked waits for the budget; connecting goes on behind, so that the next one finds it done.
        if self._held_until is None:
            self._held_until = self._now() + self._budget
        self._watch(self._held_until)

    async def _connect(self) -> None:
        wire = Wire(self._again)
        try:
            async with asyncio.timeout(self._patience):
                await self._open(wire)
        except Exception as error:  # noqa: BLE001 - whatever failed, there is no connection
            wire.abort()
            self._why = str(error) if isinstance(error, RedisAway) else type(error).__name__
            self._not_before = self._now() + _PAUSE
            self._dialling = None
            self._fail_held(RedisRefused if isinstance(error, RedisRefused | SSLError) else RedisAway, self._why)
            return
        except BaseException:
            wire.abort()
            raise
        self._wire, self._dialling, self._held_until = wire, None, None
        if self._asked:
            self._send()

    async def _open(self, wire: Wire) -> None:
        place, loop = self._place, asyncio.get_running_loop()
        if place.path is not None:
            await loop.create_unix_connection(lambda: wire, place.path)
        else:
            transport, _ = await loop.create_connection(lambda: wire, place.host, place.port, ssl=place.tls)
            found = transport.get_extra_info("socket")
            if found is not None:
                found.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        answers: list[Question] = [(each, lambda answer: answer, loop.create_future()) for each in place.greeting]
        if answers:
            wire.write(answers, float("inf"))
            await asyncio.gather(*(future for _, _, future in answers))

    # Time

    def _watch(self, deadline: float) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_at(deadline, self._due)

    def _due(self) -> None:
        self._timer = None
        now, wire = self._now(), self._wire
        late = wire.deadline() if wire is not None else self._held_until
        # An answer that waited in the socket while this process was busy is read by now: event loops look there first.
        if late is not None and late > now:
            self._watch(late)
        elif late is not None:
            self._give_up(wire)

    def _give_up(self, wire: Wire | None) -> None:
        # A connection that stopped answering may be half open, so the next question gets a new one.
        self._wire = None
        if wire is not None:
            wire.abort(RedisSlow, "no answer in time")
        self._fail_held(RedisSlow, "no connection in time")

    def _fail_held(self, kind: type[RedisAway], why: str) -> None:
        asked, self._asked = self._asked, []
        self._held_until = None
        fail(asked, kind, why)
