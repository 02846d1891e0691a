"""Every store, real and empty, for tests of what all of them promise."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from fastness.core.clock import Clock
from fastness.core.store import CounterStore, MemoryStore, OnceStore
from fastness.stores.redis import RedisStore
from fastness.stores.sql import SqlStore, engine_for
from fresh_database import fresh_url
from redis_server import redis_server

PATIENT = 30.0
"""Seconds: what is proven here is the count; a busy machine may answer late."""


class Store(CounterStore, OnceStore, Protocol):
    """Both promises at once."""


class Hands:
    """A clock in whole microseconds that tests turn."""

    def __init__(self, micros: int = 1_763_933_347_000_000) -> None:
        self.micros = micros

    def __call__(self) -> float:
        return self.micros / 1e6


@dataclass
class Stage:
    """One kind of store, with an empty one and its clock."""

    kind: str
    where: str
    prefix: str
    clock: Hands = field(default_factory=Hands)
    opened: list[Any] = field(default_factory=list)

    def store(self, now: Clock | None = None) -> Store:
        """A store on the same data: by `now`, or by the real clock of the machine or server."""
        made, closing = open_store(self.kind, self.where, self.prefix, now)
        self.opened.append(closing)
        return made

    def timed(self) -> Store:
        """A store by the clock that the test turns."""
        return self.store(self.clock)

    async def outlive(self, seconds: float) -> None:
        """Let a one-time value grow this old. Redis goes by its own clock, so there it is really waited for."""
        self.clock.micros += round(seconds * 1e6)
        if self.kind in {"redis", "valkey"}:
            await asyncio.sleep(seconds + 0.002)


def open_store(kind: str, where: str, prefix: str, now: Clock | None = None) -> tuple[Store, Any]:
    """A store, and what must be awaited to close it."""
    if kind == "memory":
        memory = MemoryStore() if now is None else MemoryStore(now=now)
        return memory, None
    if kind in {"redis", "valkey"}:
        shared = RedisStore(where, prefix=prefix, budget=PATIENT, now=now)
        return shared, shared.close
    sql = SqlStore(engine_for(where), now=now)
    return sql, sql.close


@contextlib.asynccontextmanager
async def staged(kind: str, folder: Path) -> AsyncIterator[Stage]:
    """A stage with nothing in its store."""
    async with contextlib.AsyncExitStack() as stack:
        prefix = f"test-{secrets.token_hex(4)}:"
        where = ""
        if kind in {"redis", "valkey"}:
            where = stack.enter_context(redis_server(folder, kind=kind)).url
        elif kind != "memory":
            where = await stack.enter_async_context(fresh_url(kind, folder))
            engine = engine_for(where)
            await SqlStore(engine).create_tables()
            await engine.dispose()
        stage = Stage(kind, where, prefix)
        try:
            yield stage
        finally:
            for close in stage.opened:
                if close is not None:
                    await close()
