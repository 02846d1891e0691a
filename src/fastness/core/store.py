"""Shared state has atomic verbs: hit, reset, put_once, consume. Never read, add, write."""

from __future__ import annotations

import heapq
import re
from collections.abc import Awaitable
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from fastness.core.clock import Clock, steady

_UNITS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
_RATE = re.compile(r"\A([1-9][0-9]{0,9})\s*/\s*(?:([1-9][0-9]{0,5})\s*)?(second|minute|hour|day)s?\Z")
_LONGEST = 366 * 86400


@dataclass(frozen=True, slots=True)
class Rate:
    """`limit` hits at once, then one every `period / limit` seconds (GCRA, ITU-T I.371).

    Time is counted in whole microseconds, so that every store decides exactly and alike. An interval that is no whole
    number of them (`"7/minute"`) is rounded up: never a hit too many.

    Raises:
        ValueError: for less than one hit, more than a million per second, or a period over 366 days.
    """

    limit: int
    period: float
    """Seconds."""
    interval: int = field(init=False, repr=False, compare=False)
    """Microseconds that one hit fills."""
    window: int = field(init=False, repr=False, compare=False)
    """Microseconds that a full counter holds: `limit` intervals."""

    def __post_init__(self) -> None:
        if not (self.limit >= 1 and 0 < self.period <= _LONGEST and self.limit <= self.period * 1e6):
            raise ValueError("a rate is 1 hit or more, at most a million per second, in at most 366 days")
        interval = -(-round(self.period * 1e6) // self.limit)
        object.__setattr__(self, "interval", interval)
        object.__setattr__(self, "window", interval * self.limit)

    @classmethod
    def parse(cls, text: str) -> Rate:
        """Read `"5/minute"`, `"10/hour"` or `"20/15 minutes"`.

        Raises:
            ValueError: when the text is not of that form.
        """
        match = _RATE.match(text.strip().lower())
        if match is None:
            raise ValueError(f'not a rate: {text!r}; write "5/minute" or "20/15 minutes"')
        return cls(int(match[1]), float(int(match[2] or 1) * _UNITS[match[3]]))

    def __str__(self) -> str:
        name, seconds = next(((n, s) for n, s in reversed(_UNITS.items()) if self.period % s == 0), ("second", 1))
        count = self.period / seconds
        return f"{self.limit}/{name}" if count == 1 else f"{self.limit}/{count:.10g} {name}s"


class Hit(NamedTuple):
    """What one hit on a counter said."""

    allowed: bool
    remaining: int
    """How many more hits would pass right now."""
    retry_after: float
    """Seconds until a refused hit would pass; 0 when this one passed."""
    reset_after: float
    """Seconds until the counter is as if never touched."""


class CounterStore(Protocol):
    """Counts hits. One call decides one hit, however many callers ask at once."""

    def hit(self, key: str, rate: Rate) -> Hit | Awaitable[Hit]:
        """Count one hit on `key`. A refused hit does not count.

        A key belongs to one rate: a caller with two rates makes two keys. A counter found fuller than this rate can
        fill it (its rate was changed) counts as just full.
        """
        ...

    def reset(self, key: str) -> Awaitable[None] | None:
        """Forget `key`."""
        ...


class OnceStore(Protocol):
    """Remembers things that may happen once."""

    async def put_once(self, key: str, value: str, *, ttl: float) -> bool:
        """Store `value` for `ttl` seconds; False when the key was there already."""
        ...

    async def consume(self, key: str) -> str | None:
        """Take the value out; only one caller ever gets it."""
        ...


class MemoryStore:
    """Counters and one-time values of one process, bounded: at most about `capacity` of each.

    Where the counters are full of live ones, the emptiest quarter, as a share of its own rate, is forgotten: a hit
    against `300/minute` goes long before a used-up `5/minute`. So a refused key is forgotten only under
    three quarters of `capacity` other keys that are as used up as it is: whoever can send from that many addresses has
    that many fresh counters anyway. Refusing new keys instead would let the same flood lock everybody else out.

    One-time values are never forgotten early, since that would allow a replay: full, the store takes no new one.
    """

    def __init__(self, *, capacity: int = 200_000, now: Clock = steady) -> None:
        if capacity < 1:
            raise ValueError("capacity is 1 or more")
        # Many small dicts, picked by Python's secret string hash, so that making room takes a millisecond, not fifty.
        shards = 64 if capacity >= 64 * 64 else 1
        self._counters: list[dict[str, tuple[int, int]]] = [{} for _ in range(shards)]
        self._mask, self._room = shards - 1, capacity // shards
        self._values: dict[str, tuple[str, float]] = {}
        self._expiries: list[tuple[float, str]] = []
        self._capacity, self._now = capacity, now

    def hit(self, key: str, rate: Rate) -> Hit:
        """Count one hit. Synchronous: nothing else runs between reading and writing the counter."""
        now = int(self._now() * 1e6 + 0.5)
        interval = rate.interval
        counters = self._counters[hash(key) & self._mask]
        known = counters.get(key)
        if known is None:
            if len(counters) >= self._room:
                self._make_room(counters, now)
            used = 0
        else:
            used = known[0] - now
            used = max(used, 0)
        free = rate.window - used
        if free < interval:
            if free < 0:
                used, free = rate.window, 0
                counters[key] = (now + used, used)
            # `_make` is a third faster than keyword-aware construction, and this runs several times a request.
            return Hit._make((False, 0, (interval - free) / 1e6, used / 1e6))
        used += interval
        counters[key] = (now + used, rate.window)
        return Hit._make((True, free // interval - 1, 0.0, used / 1e6))

    def passes(self, key: str, rate: Rate) -> bool:
        """Count one hit that nobody wants to read: True when it counted. Half the cost of `hit`, for every request."""
        counters = self._counters[hash(key) & self._mask]
        known = counters.get(key)
        if known is None:
            return self.hit(key, rate).allowed
        now = int(self._now() * 1e6 + 0.5)
        used = known[0] - now
        if used < 0:
            used = 0
        elif rate.window - used < rate.interval:
            return False
        counters[key] = (now + used + rate.interval, rate.window)
        return True

    def reset(self, key: str) -> None:
        """Forget `key`."""
        self._counters[hash(key) & self._mask].pop(key, None)

    async def put_once(self, key: str, value: str, *, ttl: float) -> bool:
        """Store `value` for `ttl` seconds; False when the key is there already, or when the store is full."""
        now = self._now()
        self._forget_expired(now)
        if key in self._values or len(self._values) >= self._capacity:
            return False
        self._values[key] = (value, now + ttl)
        heapq.heappush(self._expiries, (now + ttl, key))
        return True

    async def consume(self, key: str) -> str | None:
        """Take the value out; only one caller ever gets it."""
        found = self._values.pop(key, None)
        return found[0] if found is not None and found[1] > self._now() else None

    @property
    def size(self) -> int:
        """How many counters and values are held. Not `len()`, which would make an empty store false."""
        return sum(map(len, self._counters)) + len(self._values)

    def _make_room(self, counters: dict[str, tuple[int, int]], now: int) -> None:
        live = [item for item in counters.items() if item[1][0] > now]
        keep = self._room * 3 // 4
        if len(live) > keep:
            live.sort(key=lambda item: (item[1][0] - now) / item[1][1], reverse=True)
            del live[keep:]
        counters.clear()
        counters.update(live)

    def _forget_expired(self, now: float) -> None:
        expiries, values = self._expiries, self._values
        while expiries and expiries[0][0] <= now:
            expiry, key = heapq.heappop(expiries)
            if key in values and values[key][1] == expiry:
                del values[key]
        if len(expiries) > 2 * self._capacity:  # most were consumed, and their dates remained
            self._expiries = [(expiry, key) for key, (_, expiry) in values.items()]
            heapq.heapify(self._expiries)
