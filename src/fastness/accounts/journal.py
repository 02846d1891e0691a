"""The journal: a sink that stores security events in the chain, outside every request.

Taking an event costs microseconds and never raises: it is put into a bounded queue with what is known of its request.
Redaction, chaining and the write happen afterwards, some at a time, in short transactions. When the database is away
events wait; when too many wait, the newest are dropped and counted, and the count is an event itself once the database
is back. Answers have the same status and take the same time throughout.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections import deque
from dataclasses import dataclass
from functools import partial

from fastness.accounts.db import Database
from fastness.accounts.ledger import Entry, Ledger, UnknownKey, anchor
from fastness.accounts.models import Mark, Work
from fastness.accounts.models.columns import storable
from fastness.controls.security_events import Asked, clean, redacted
from fastness.core.clock import Clock, wall
from fastness.core.errors import Refused
from fastness.core.events import Event, EventType, Level, Sink, silent
from fastness.core.exchange import asked

_TOGETHER = 100
"""Rows of one transaction: it lasts milliseconds."""
_BREATH = 20
"""Events redacted before the event loop gets its turn."""
_LONGEST_PAUSE = 5.0
_CHECKPOINT = 3600.0
_MINUTE, _KINDS = 60.0, 10_000
_LONGEST_WHO = 255
_log = logging.getLogger("fastness.accounts")


@dataclass(frozen=True, slots=True)
class _Taken:
    at: float
    event: Event
    asked: Asked | None


class Journal:
    """Takes events at once and stores them between `start` and `stop`; several workers continue one chain.

    Args:
        emit: gets what the journal itself has to tell. It may lead back here.
        queue: events that may wait in this process.
        per_minute: events a minute of one kind, about one account or from one address; what comes above is counted.
        address: store addresses and user agents.
        erase_deleted: erase what older rows say about an account when it is deleted.
        lasting: the secret outlives the process; a head that it did not seal is then somebody else's work.
        pause: seconds between two writes.
    """

    def __init__(
        self,
        db: Database[Work],
        ledger: Ledger,
        *,
        emit: Sink = silent,
        now: Clock = wall,
        queue: int = 10_000,
        per_minute: int = 60,
        address: bool = True,
        erase_deleted: bool = False,
        lasting: bool = True,
        pause: float = 0.25,
    ) -> None:
        self._db, self._ledger, self._emit, self._now = db, ledger, emit, now
        self._most, self._per_minute, self._address = queue, per_minute, address
        self._erase_deleted, self._lasting, self._pause = erase_deleted, lasting, pause
        self._queue: deque[_Taken] = deque()
        self._minute = 0.0
        self._seen: dict[tuple[str, str, str], int] = {}
        self.dropped = 0
        """Events that found no room and were not told of yet."""
        self._doubtful: tuple[int, int, bytes] | None = None
        """How many events a transaction held that may have been committed, and its last row."""
        self._told = 0
        self._last: tuple[int, bytes] = (0, b"")
        self._down = False
        self._loop: asyncio.Task[None] | None = None
        self._turn = asyncio.Lock()

    def __call__(self, event: Event) -> None:
        """Take `event`."""
        if event.type is EventType.SYS_EVENTS_CHECKPOINT:
            return  # it tells of the chain and is no part of it
        exchange = asked()
        taken = _Taken(self._now(), event, None if exchange is None else Asked.of(exchange))
        if self._ordinary(taken):
            self._put(taken)

    async def start(self) -> None:
        """Begin to store."""
        self._turn = asyncio.Lock()  # the next life of the server may have another event loop
        self._loop = asyncio.create_task(self._watch(), name="fastness journal")

    async def settled(self) -> None:
        """Store everything that waits.

        Raises:
            Unavailable: the database does not answer; what is not stored goes on waiting.
        """
        while await self._round():
            pass

    async def stop(self, *, grace: float = 5.0) -> None:
        """Store what waits, for at most `grace` seconds; say how much is lost when the database is away."""
        if self._loop is None:
            return
        self._loop.cancel()
        await asyncio.gather(self._loop, return_exceptions=True)
        self._loop = None
        self._hold_no_more()
        # Whatever the database answers now, stopping goes on.
        with contextlib.suppress(Exception):
            async with asyncio.timeout(grace):
                await self.settled()
        self._checkpoint()
        if left := len(self._queue) + self.dropped:
            self._queue.clear()
            self.dropped = 0
            _log.error("%d security events were not stored", left)

    def _ordinary(self, taken: _Taken) -> bool:
        """Whether this is not one of too many of its kind in this minute."""
        event, asked = taken.event, taken.asked
        if not 0 <= taken.at - self._minute < _MINUTE:
            self._minute = taken.at
            self._hold_no_more()
        key = (str(event.type), event.reason[:64], event.who or (asked.address if asked is not None else ""))
        if key not in self._seen and len(self._seen) >= _KINDS:
            if event.who:
                return True  # many accounts at once are no flood of one
            key = (str(event.type), "", "")
        count = self._seen[key] = self._seen.get(key, 0) + 1
        return count <= self._per_minute

    def _hold_no_more(self) -> None:
        held, self._seen = self._seen, {}
        for (kind, reason, _), count in held.items():
            if count > self._per_minute:
                details = {"held_back": count - self._per_minute}
                event = Event(EventType(kind), level=Level.WARN, reason=reason, details=details)
                self._put(_Taken(self._now(), event, None))

    def _put(self, taken: _Taken) -> None:
        if len(self._queue) < self._most:
            self._queue.append(taken)
        else:
            self.dropped += 1

    async def _watch(self) -> None:
        pause, checkpoint = self._pause, self._now() + _CHECKPOINT
        while True:
            await asyncio.sleep(pause)
            pause = self._pause
            try:
                await self.settled()
                self._recovered()
                if not 0 <= checkpoint - self._now() <= _CHECKPOINT:
                    checkpoint = self._now() + _CHECKPOINT
                    self._checkpoint()
            except Exception as error:  # noqa: BLE001 - the journal goes on, whatever one round meets
                pause = min(_LONGEST_PAUSE, pause * 4 if self._down else 4 * self._pause)
                self._failed(error)

    def _failed(self, error: Exception) -> None:
        if not self._down:
            self._down = True
            # The kind only: the text of a driver's error quotes values.
            kind = error.reason if isinstance(error, Refused) else type(error).__name__
            _log.error("security events cannot be stored and wait: %s", kind)
            self._emit(Event(EventType.SYS_MONITOR_DISABLED, level=Level.CRITICAL, reason="events wait to be stored"))

    def _recovered(self) -> None:
        if self._down:
            self._down = False
            _log.warning("security events are stored again")
        if self.dropped:
            lost, self.dropped = self.dropped, 0
            details = {"dropped": lost}
            self._emit(
                Event(EventType.SYS_MONITOR_DISABLED, level=Level.CRITICAL, reason="events were lost", details=details)
            )

    def _checkpoint(self) -> None:
        seq, mac = self._last
        if seq > self._told:
            self._told = seq
            self._emit(Event(EventType.SYS_EVENTS_CHECKPOINT, details={"anchor": anchor(seq, mac)}))

    async def _round(self) -> bool:
        """Store some of what waits; whether there was something."""
        async with self._turn:
            some = [self._queue[i] for i in range(min(_TOGETHER, len(self._queue)))]
            if not some:
                return False
            entries: list[Entry] = []
            for i, taken in enumerate(some):
                if i % _BREATH == _BREATH - 1:
                    await asyncio.sleep(0)
                entries.append(self._entry(taken))
            stored, cut = await self._stored(entries)
            # Not before the commit: what was not stored is stored the next time.
            for _ in range(stored):
                self._queue.popleft()
        if cut:
            _log.critical("the stored security events do not end as they should: run fastness events verify")
            self._emit(Event(EventType.SYS_MONITOR_DISABLED, level=Level.CRITICAL, reason="stored events were changed"))
        if self._erase_deleted:
            for taken in some[:stored]:
                if taken.event.type is EventType.USER_DELETED and taken.event.who:
                    await self._erase(taken.event.who)
        return True

    async def _stored(self, entries: list[Entry]) -> tuple[int, bool]:
        """Append: how many are stored now, and whether the chain had another end than we gave it."""
        count, cut = await self._db.write_at_once(partial(self._append, entries))
        if self._doubtful is not None:
            self._last, self._doubtful = self._doubtful[1:], None
        return count, cut

    async def _append(self, entries: list[Entry], work: Work) -> tuple[int, bool]:
        head = await work.events.hold(self._ledger.first())
        if self._doubtful is not None:
            # A connection that is lost at the commit does not say whether it happened.
            (count, seq, mac), self._doubtful = self._doubtful, None
            if await work.events.mac(seq) == mac:
                self._last = seq, mac
                return count, False
        newest = await work.events.newest()
        cut = newest != head.seq or head.seq < self._last[0]
        broken = cut or not self._ours(head)
        if cut:
            head = self._ledger.mark("head", max(newest, head.seq, self._last[0]), head.mac)
        rows = self._ledger.append(head, entries, broken=broken)
        last = rows[-1].seq, rows[-1].mac
        await work.events.add(rows)
        await work.events.set_mark(self._ledger.mark("head", *last))
        self._doubtful = (len(rows), *last)
        # In development each process may have a secret of its own.
        return len(rows), cut or (broken and self._lasting)

    def _ours(self, head: Mark) -> bool:
        try:
            return self._ledger.ours(head)
        except UnknownKey:
            return False

    async def _erase(self, who: str) -> None:
        while True:
            async with self._db.write() as work:
                rows = await work.events.to_erase(who, most=_TOGETHER)
                if not rows:
                    return
                proofs: list[tuple[int, bytes]] = []
                for seq, committed, key in rows:
                    with contextlib.suppress(UnknownKey):
                        proofs.append((seq, self._ledger.erased(seq, committed, key)))
                if not proofs:
                    return
                await work.events.erase(proofs)

    def _entry(self, taken: _Taken) -> Entry:
        event, asked = taken.event, taken.asked
        told: dict[str, object] = {"reason": clean(event.reason), "details": redacted(event.details)}
        if asked is not None:
            told |= {"request_id": clean(asked.request_id), "request_method": clean(asked.method)}
            told |= {"route": clean(asked.route)}
            if self._address:
                told |= {"source_ip": clean(asked.address), "useragent": clean(asked.agent)}
        who = event.who
        if who is not None and not (storable(who) and len(who) <= _LONGEST_WHO):
            who = clean(who)[:_LONGEST_WHO]
        content = json.dumps({k: v for k, v in told.items() if v}, sort_keys=True, separators=(",", ":"))
        return Entry(taken.at, str(event.type), str(event.level), who, content)
