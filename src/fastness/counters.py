"""Where hits are counted: the store that was given or that the settings name, what holds when it is away, its life."""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import os
from typing import TYPE_CHECKING

from fastness.controls.limits import FallbackStore
from fastness.core.clock import Clock, steady
from fastness.core.errors import MissingExtra, UnsafeConfiguration
from fastness.core.events import Sink
from fastness.core.store import CounterStore, Hit, MemoryStore, Rate
from fastness.settings import Settings

if TYPE_CHECKING:
    from fastness.stores.redis import RedisStore

_log = logging.getLogger("fastness")
_NEVER = frozenset({"WRONGPASS", "NOAUTH", "NOPERM", "ERR", "SSLCertVerificationError", "SSLError"})
"""What Redis says, or TLS, that no waiting repairs."""
_PATIENCE = 2.0
"""Seconds for Redis to answer at the start."""


class Counters:
    """The one store of an application.

    Redis, where the settings have its URL and no store is given; this process's memory, where there is neither. What is
    not memory is behind one FallbackStore, so that one outage is one event for all who count.
    """

    def __init__(self, given: CounterStore | None, settings: Settings, emit: Sink, *, ticks: Clock = steady) -> None:
        self.found: list[UnsafeConfiguration] = []
        """What must stop the start."""
        self._redis: RedisStore | None = None
        if given is None and settings.redis_url:
            self._redis = self._made(settings)
        self.store: CounterStore
        if self._redis is not None:
            # A try costs its request 50 ms at most. One that only begins to connect again leaves time for another.
            self.store = FallbackStore(self._redis, emit, timeout=None, retry=0.5, workers=told_workers(), now=ticks)
        elif given is None:
            self.store = MemoryStore(now=ticks)
        else:
            own = isinstance(given, MemoryStore | FallbackStore)
            self.store = given if own else FallbackStore(given, emit, workers=told_workers(), now=ticks)
        self.shared = self._redis is not None or given is not None
        """Whether others may read it, so that callers are named in it by digests."""
        self._production = settings.production

    async def start(self) -> None:
        """Ask Redis for a first answer. When it is away the start goes on: limits hold in each process until it is back.

        Raises:
            UnsafeConfiguration: it refuses what no waiting repairs: a password, a permission, a certificate.
        """
        if self._redis is None:
            if isinstance(self.store, MemoryStore) and (told_workers() > 1 or self._has_parent()):
                _log.warning(
                    "each worker counts limits by itself, so all of them let pass more: set FASTNESS_REDIS_URL"
                )
            return
        from fastness.stores.redis import RedisAway

        began = asyncio.get_running_loop().time()
        while True:
            try:
                await self._redis.check()
            except RedisAway as error:
                why = str(error)
                if why in _NEVER:
                    raise _refused(why) from None
                if asyncio.get_running_loop().time() - began < _PATIENCE:
                    await asyncio.sleep(0.05)
                    continue
                _log.error("Redis does not answer (%s): until it does, each process counts limits by itself", why)
                waiting = self.store.hit("start", _START)  # tells the event, and counts here from now on
                if not isinstance(waiting, Hit):
                    await waiting
            return

    def _has_parent(self) -> bool:
        # A worker of uvicorn. While developing, it is the one that --reload starts anew.
        return self._production and multiprocessing.parent_process() is not None

    async def stop(self) -> None:
        """Close the connection to Redis."""
        if self._redis is not None:
            await self._redis.close()

    def _made(self, settings: Settings) -> RedisStore | None:
        try:
            from fastness.stores.redis import RedisStore

            made = RedisStore(settings.redis_url, prefix=settings.redis_prefix, budget=settings.redis_timeout)
        except (MissingExtra, ValueError) as error:
            self.found.append(
                UnsafeConfiguration(
                    "Redis cannot be used",
                    where="FASTNESS_REDIS_URL",
                    why=str(error),
                    fix="correct the URL or install the extra; without a URL limits are counted in each process",
                )
            )
            return None
        if settings.production and made.unverified:
            self.found.append(_UNVERIFIED)
        return made


def told_workers() -> int:
    """How many processes serve, as far as WEB_CONCURRENCY says: `fastness serve` sets it, gunicorn and uvicorn read it."""
    told = os.environ.get("WEB_CONCURRENCY", "")
    return max(1, int(told)) if told.isdecimal() else 1


_START = Rate(1_000_000, 60.0)
_UNVERIFIED = UnsafeConfiguration(
    "the certificate of Redis is not verified",
    where="FASTNESS_REDIS_URL",
    why="anybody on the way could answer in its place, and read its password",
    fix="remove ssl_cert_reqs and ssl_check_hostname; name a private authority with ssl_ca_certs=/path/to/ca.pem",
)


def _refused(code: str) -> UnsafeConfiguration:
    return UnsafeConfiguration(
        f"Redis refuses this application: {code}",
        where="FASTNESS_REDIS_URL",
        why="limits could not be counted, now or later",
        fix="check user, password, database number, TLS and the permissions of the user in the URL",
    )
