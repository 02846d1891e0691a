"""A store that cannot be reached is no reason to let everybody in, nor to answer 500."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable

from fastness.core.clock import Clock, steady
from fastness.core.events import Event, EventType, Level, Sink, silent
from fastness.core.store import CounterStore, Hit, MemoryStore, Rate

_YEAR = 366 * 86_400.0
_MOST_TURNS = 4
_TICKS = 4
"""In a turn."""
_WHICH = {"store": "counters"}


class FallbackStore:
    """A `CounterStore` that counts in this process while the shared store fails or hangs.

    What is counted here is at the same rates: other limits stay open for those who keep to them, however unevenly
    callers fall on workers. Through `strict` it is at this worker's share of them, so that all workers together allow
    no more than the store did: for sign-in and codes.

    One `sys_store_down` event per outage and one `sys_store_up` when it is over. The store is tried again after `retry`
    seconds, by one hit at a time, so that a hanging store delays one request per second and not all. Share one object
    among all that use the store.
    """

    def __init__(
        self,
        store: CounterStore,
        emit: Sink = silent,
        *,
        timeout: float | None = 1.0,
        retry: float = 1.0,
        workers: int = 1,
        now: Clock = steady,
    ) -> None:
        """`timeout` and `retry` in seconds. The store is down when it answered nobody for `timeout`, in which this
        process itself was running; no time-out is for a store that keeps one itself, as RedisStore does.

        `workers` is how many processes count while the store is away; it may be set later.
        """
        self.behind, self.workers = store, workers
        self._emit, self._timeout, self._retry, self._now = emit, timeout, retry, now
        self._local = MemoryStore(now=now)
        self._outage = 0
        self._down = False
        self._next_try = 0.0
        self._answers = 0

    @property
    def strict(self) -> Strict:
        """The same store for what must stay limited: an outage does not multiply it by the workers."""
        return Strict(self)

    def hit(self, key: str, rate: Rate, *, strict: bool = False) -> Hit | Awaitable[Hit]:
        """Count one hit in the store, or here while it is down."""
        if self._down:
            now = self._now()
            if now < self._next_try:
                return self._here(key, rate, strict=strict)
            self._next_try = now + self._retry
        outage = self._outage
        try:
            found = self.behind.hit(key, rate)
        except Exception as error:  # noqa: BLE001 - whatever a driver raises, the request is still counted
            return self._lost(error, key, rate, strict=strict)
        if isinstance(found, Hit):
            self._answered(outage)
            return found
        return self._awaited(found, outage, key, rate, strict=strict)

    async def reset(self, key: str) -> None:
        """Forget `key` here, and in the store if it answers."""
        self._local.reset(key)
        if self._down and self._now() < self._next_try:
            return
        with contextlib.suppress(Exception):
            async with asyncio.timeout(self._timeout):
                waiting = self.behind.reset(key)
                if waiting is not None:
                    await waiting

    async def _awaited(self, found: Awaitable[Hit], outage: int, key: str, rate: Rate, *, strict: bool) -> Hit:
        try:
            hit = await (found if self._timeout is None else self._in_time(found, self._timeout))
        except Exception as error:  # noqa: BLE001 - as above
            return self._lost(error, key, rate, strict=strict)
        if self._down:
            self._answered(outage)
        return hit

    async def _in_time(self, found: Awaitable[Hit], turn: float) -> Hit:
        # A flood makes a database slow and not dead: as long as it answers others, this hit waits for its turn. Else
        # whoever sends enough at once would be counted in each process apart. A turn is counted in ticks, and one that
        # comes late is still one: while this process was too busy to ask and to read, the store was not silent.
        loop = asyncio.get_running_loop()
        last = loop.time() + _MOST_TURNS * turn
        seen, silent = self._answers, 0
        timer: asyncio.TimerHandle | None = None

        def tick() -> None:
            nonlocal timer, seen, silent
            now = loop.time()
            silent = silent + 1 if self._answers == seen else 0
            seen = self._answers
            if silent == _TICKS or now >= last:
                patience.reschedule(now)
            else:
                timer = loop.call_at(min(now + turn / _TICKS, last), tick)

        timer = loop.call_later(turn / _TICKS, tick)
        try:
            async with asyncio.timeout(None) as patience:
                hit = await found
        finally:
            timer.cancel()
        self._answers += 1
        return hit

    def _answered(self, outage: int) -> None:
        # An answer to a hit that began before the outage says nothing about the store now.
        if self._down and outage == self._outage:
            self._down = False
            self._emit(Event(EventType.SYS_STORE_UP, details=_WHICH))

    def _lost(self, error: Exception, key: str, rate: Rate, *, strict: bool) -> Hit:
        self._next_try = self._now() + self._retry
        if not self._down:
            self._down = True
            self._outage += 1
            # The class and a code only: a driver's message may hold the address of the database, or its password.
            code = getattr(error, "code", None)
            reason = " ".join([type(error).__name__, *([code] if isinstance(code, str) else [])])
            self._emit(Event(EventType.SYS_STORE_DOWN, level=Level.CRITICAL, reason=reason, details=_WHICH))
        return self._here(key, rate, strict=strict)

    def _here(self, key: str, rate: Rate, *, strict: bool) -> Hit:
        return self._local.hit(key, share(rate, self.workers) if strict else rate)


class Strict:
    """A `CounterStore`: one FallbackStore, seen by what must stay limited during an outage."""

    def __init__(self, store: FallbackStore) -> None:
        self.store = store

    def hit(self, key: str, rate: Rate) -> Hit | Awaitable[Hit]:
        """Count one hit in the store, or a worker's share of it here while it is down."""
        return self.store.hit(key, rate, strict=True)

    def reset(self, key: str) -> Awaitable[None]:
        """Forget `key`."""
        return self.store.reset(key)


def share(rate: Rate, workers: int) -> Rate:
    """What one of `workers` processes allows, so that together they allow about `rate`: never less than one hit."""
    if workers <= 1:
        return rate
    if rate.limit >= workers:
        return Rate(rate.limit // workers, rate.period)
    return Rate(1, min(rate.period * workers / rate.limit, _YEAR))
