"""The courier: takes mails from the outbox and sends them, outside every request.

A flow posts a mail in its own transaction, so that it waits from the moment that what it tells of is true, and no crash
loses it. What must not even be looked up before the answer, such as whether an address has an account, is asked for as
a task: the row is the same for every address, and the courier finds out afterwards. A failure is tried again until the
mail is too old, and is an event, not an answer (CVE-2024-45231: a reset that tells when mail fails names the known
addresses).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import asdict, replace
from functools import partial
from typing import Any

from fastness.accounts.db import Database
from fastness.accounts.mail import Mail, Mailer, Undeliverable
from fastness.accounts.models import Waiting, Work
from fastness.accounts.whole import to_the_end
from fastness.controls.sealing import BrokenSeal, Sealer
from fastness.core.clock import Clock, wall
from fastness.core.errors import Refused
from fastness.core.events import Event, EventType, Level, Sink, silent
from fastness.core.keys import KeyRing

PURPOSE = "accounts.outbox"
NOTICE = 3 * 86_400.0
"""Seconds after which a mail that holds no code is given up."""

Compose = Callable[..., Awaitable[Mail | None]]
"""Work that ends in a mail or in none; it runs outside the request, so its cost tells nobody anything."""

_TOGETHER = 8
_PATIENCE = 30.0
_LEASE = 40.0
_LONGEST_PAUSE = 900.0
_MOST_ATTEMPTS = 500
_log = logging.getLogger("fastness.accounts")


class Courier:
    """Sends what waits in the outbox between `start` and `stop`; several workers share one outbox.

    Args:
        mailer: sends one mail.
        capacity: mails that strangers asked for and that may wait; beyond, they are dropped with an event. Mails about
            a change that happened always find room.
        pause: seconds before the second attempt; it doubles, up to a quarter of an hour.
        poll: seconds between two looks for what a worker left behind.
    """

    def __init__(
        self,
        db: Database[Work],
        mailer: Mailer,
        ring: KeyRing,
        *,
        emit: Sink = silent,
        now: Clock = wall,
        capacity: int = 1000,
        pause: float = 2.0,
        poll: float = 5.0,
    ) -> None:
        self.mailer = mailer
        self.tasks: dict[str, Compose] = {}
        """What may be asked for, by name."""
        self._db, self._emit, self._now = db, emit, now
        self._sealer = Sealer(ring, PURPOSE)
        self._capacity, self._pause, self._poll = capacity, pause, poll
        self._down = False
        self._running: dict[str, asyncio.Task[None]] = {}
        self._loop: asyncio.Task[None] | None = None
        self._woken, self._turn = asyncio.Event(), asyncio.Lock()

    async def post(self, work: Work, mail: Mail, *, ttl: float = NOTICE, asked: bool = False) -> None:
        """Let a mail wait, in the caller's transaction; `wake` after its commit.

        `ttl` in seconds is how long it is worth sending. `asked` says that a stranger can cause it.
        """
        await self._put(work, {"mail": asdict(mail)}, ttl=ttl, asked=asked)

    async def ask(self, task: str, *, ttl: float, **given: str | None) -> None:
        """Let a task wait, in a transaction of its own that is the same whoever it is about.

        Raises:
            Unavailable: the database does not answer.
        """
        async with self._db.write() as work:
            await self._put(work, {"task": task, "given": given}, ttl=ttl, asked=True)
        self.wake()

    def wake(self) -> None:
        """Say that something was committed; it is sent at once."""
        self._woken.set()

    async def start(self) -> None:
        """Begin to send; what earlier processes left behind comes first."""
        # Both belong to the event loop that first waited on them, and each life of a server may have its own.
        self._woken, self._turn = asyncio.Event(), asyncio.Lock()
        self.wake()
        self._loop = asyncio.create_task(self._watch(), name="fastness courier")

    async def settled(self) -> None:
        """Wait until nothing is due: everything was sent, given up, or failed and waits for its next time."""
        while True:
            more = await self._round()
            if self._running:
                await asyncio.wait(self._running.values())
            elif not more:
                return

    async def stop(self, *, grace: float = 5.0) -> None:
        """Send what is due for at most `grace` seconds, then end. What is left waits for the next process."""
        if self._loop is not None:
            self._loop.cancel()
            await asyncio.gather(self._loop, return_exceptions=True)
            self._loop = None
            with contextlib.suppress(TimeoutError, Refused):
                async with asyncio.timeout(grace):
                    await self.settled()
        left = dict(self._running)
        for task in left.values():
            task.cancel()
        await asyncio.gather(*left.values(), return_exceptions=True)
        if left:
            with contextlib.suppress(Refused):
                async with self._db.write() as work:
                    await work.outbox.free([*left], now=self._now())

    async def _put(self, work: Work, content: dict[str, Any], *, ttl: float, asked: bool) -> None:
        row = secrets.token_hex(16)
        capacity = self._capacity if asked else None
        if not await work.outbox.put(row, self._seal(row, content), now=self._now(), ttl=ttl, capacity=capacity):
            self._given_up("the outbox is full")

    async def _watch(self) -> None:
        away = False
        while True:
            woken = self._woken.is_set()
            self._woken.clear()
            try:
                if woken or await self._due():
                    # To its end: what was taken from the outbox and is not begun would wait for its lease.
                    while await to_the_end(self._round()):
                        if self._running:
                            await asyncio.wait(self._running.values(), return_when=asyncio.FIRST_COMPLETED)
                away = False
            except Exception as error:  # noqa: BLE001 - the courier goes on, whatever one round meets
                if not away:
                    _log.error("the outbox cannot be read: %s", type(error).__name__)
                away = True
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._poll):
                    await self._woken.wait()

    async def _due(self) -> bool:
        return await self._db.read_at_once(lambda work: work.outbox.due(now=self._now()))

    async def _round(self) -> bool:
        """Take what is due, as far as there is room, and begin to send it; whether more may wait."""
        async with self._turn:
            room = _TOGETHER - len(self._running)
            if room <= 0:
                return True
            taken = await self._db.write_at_once(
                lambda work: work.outbox.take(now=self._now(), lease=_LEASE, most=room)
            )
            for row in taken:
                task = asyncio.create_task(self._deliver(row), name="fastness mail")
                self._running[row.id] = task
                task.add_done_callback(partial(self._gone, row.id))
            return len(taken) == room

    def _gone(self, row: str, _: asyncio.Task[None]) -> None:
        self._running.pop(row, None)

    async def _deliver(self, row: Waiting) -> None:
        content, reason = self._open(row), ""
        if content is None or row.expires_at <= self._now():
            await self._finish(row, "too old" if content is not None else "its seal does not open")
            return
        try:
            async with asyncio.timeout(_PATIENCE):
                mail = await self._composed(content)
                if mail is not None:
                    content = {"mail": asdict(mail)}  # composed once: a second attempt sends the same code
                    await self.mailer.send(replace(mail, id=row.id))
        except Undeliverable:
            reason = "undeliverable"
        except Exception as error:  # noqa: BLE001 - a mail server may fail in any way
            # The text of a mail error can hold the address or the mail, so only its kind is told.
            await self._again(row, content, type(error).__name__)
            return
        await self._finish(row, reason)

    async def _composed(self, content: dict[str, Any]) -> Mail | None:
        if "mail" in content:
            return Mail(**content["mail"])
        return await self.tasks[content["task"]](**content["given"])

    async def _again(self, row: Waiting, content: dict[str, Any], reason: str) -> None:
        at = self._now() + min(_LONGEST_PAUSE, self._pause * 2 ** min(row.attempts - 1, 20))
        if at >= row.expires_at or row.attempts >= _MOST_ATTEMPTS:
            await self._finish(row, reason)
            return
        if not self._down:
            self._down = True
            _log.warning("a mail was not sent and will be tried again: %s", reason)
            self._emit(Event(EventType.SYS_MAIL_FAIL, level=Level.WARN, reason=reason, details={"again": True}))
        with contextlib.suppress(Refused):  # its lease ends by itself
            sealed = self._seal(row.id, content)
            await self._db.write_at_once(lambda work: work.outbox.later(row.id, sealed, at=at))

    async def _finish(self, row: Waiting, reason: str) -> None:
        with contextlib.suppress(Refused):  # sent once more when its lease ends: rather twice than never
            await self._db.write_at_once(lambda work: work.outbox.drop(row.id))
        if reason:
            self._given_up(reason)
        else:
            self._down = False

    def _given_up(self, reason: str) -> None:
        _log.error("a mail was not sent: %s", reason)
        self._emit(Event(EventType.SYS_MAIL_FAIL, level=Level.CRITICAL, reason=reason, details={"again": False}))

    def _seal(self, row: str, content: dict[str, Any]) -> str:
        return self._sealer.seal(json.dumps(content).encode(), bound_to=row.encode())

    def _open(self, row: Waiting) -> dict[str, Any] | None:
        try:
            found: dict[str, Any] = json.loads(self._sealer.open(row.sealed, bound_to=row.id.encode()))
        except BrokenSeal:
            return None
        return found
