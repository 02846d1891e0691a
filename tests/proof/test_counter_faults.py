"""The counters' store is stopped, frozen, slow, full, read-only, closed, flushed or cut off, in the middle of sign-ins.

No request ends in a 500, sign-in is never unlimited, one event tells of the outage and one of its end, and within two
seconds of the store's recovery the shared count decides again, without help.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import make_url

from accounts.serving import Served, serving
from fastness.core.events import EventType
from fastness.stores.sql import SqlStore, engine_for
from fresh_database import fresh_url
from proxy import Proxy, proxied
from redis_server import RedisServer, redis_server

pytestmark = [pytest.mark.anyio, pytest.mark.store]

ALLOWED = 5
THROTTLE = {"account": f"{ALLOWED}/hour", "address": "10000/minute", "everyone": "10000/minute"}
LIMITS = {"limits": {"per_address": "100000/minute", "per_user": ""}}
RECOVERY = 2.0

Step = Callable[[], Awaitable[None] | None]


@dataclass
class Patient:
    """A running service whose store the test breaks and mends."""

    served: Served
    breaks: Step
    mends: Step

    async def sign_ins(self, email: str, times: int) -> Counter[int]:
        async def one() -> int:
            wrong = {"email": email, "password": "not the right one"}
            return (await self.served.client.post("/auth/login", json=wrong)).status_code

        return Counter(await asyncio.gather(*(one() for _ in range(times))))

    async def shared(self, name: str) -> Counter[int]:
        """Eight sign-ins while the store is there.

        The proxy lives in this process: a pause of the collector, or another test at the first connection, is an outage
        to it. Such a count is another promise, so a new address is asked about once the store counts again.
        """
        for attempt in range(5):
            downs = self.told(EventType.SYS_STORE_DOWN)
            seen = await self.sign_ins(f"{name}{attempt}@example.com", 8)
            if self.told(EventType.SYS_STORE_DOWN) == downs:
                return seen
            await self.recovers()
        return Counter()

    async def others(self, times: int) -> Counter[int]:
        async def one() -> int:
            return (await self.served.client.get("/profile")).status_code

        return Counter(await asyncio.gather(*(one() for _ in range(times))))

    def told(self, kind: EventType) -> int:
        return sum(event.type == kind and event.details == {"store": "counters"} for event in self.served.events)

    async def answers(self) -> float:
        """Sign in until the answer is no 503; the seconds that took."""
        began = time.monotonic()
        while (await self.sign_ins("again@example.com", 1)).keys() == {503}:
            assert time.monotonic() - began < 10, "it never recovered"
        return time.monotonic() - began

    async def recovers(self) -> float:
        """Ask, as clients do, until the store counts again; the seconds that took."""
        began = time.monotonic()
        while self.told(EventType.SYS_STORE_UP) < self.told(EventType.SYS_STORE_DOWN):
            assert time.monotonic() - began < 10, "it never recovered"
            await self.others(1)
            await asyncio.sleep(0.02)
        return time.monotonic() - began


async def run(step: Step) -> None:
    waiting = step()
    if waiting is not None:
        await waiting


async def endures(patient: Patient) -> None:
    """The whole promise, for an outage that fails hits."""
    before = await patient.shared("before")
    earlier = patient.told(EventType.SYS_STORE_DOWN)

    await run(patient.breaks)
    during = await patient.sign_ins("during@example.com", 40)
    while patient.told(EventType.SYS_STORE_DOWN) == earlier:
        await patient.others(5)
    during += await patient.sign_ins("during@example.com", 20)
    others = await patient.others(40)
    await run(patient.mends)
    took = await patient.recovers()
    told = patient.told(EventType.SYS_STORE_DOWN) - earlier, patient.told(EventType.SYS_STORE_UP) - earlier
    after = await patient.shared("after")

    assert before == {401: ALLOWED, 429: 8 - ALLOWED}
    # Hits before the first failure count in the store, the others here: twice the limit is the most.
    assert during.keys() <= {401, 429}
    assert ALLOWED <= during[401] <= 2 * ALLOWED
    assert others == {401: 40}
    assert took < RECOVERY
    assert after == {401: ALLOWED, 429: 8 - ALLOWED}
    assert told == (1, 1)


@contextlib.asynccontextmanager
async def on_redis(folder: Path, url: str) -> AsyncIterator[Served]:
    async with fresh_url("sqlite", folder) as database:
        # Five times the default, so that a busy machine is no outage.
        settings: dict[str, Any] = {**LIMITS, "redis_url": url, "redis_timeout": 0.25}
        async with serving(database, throttle=THROTTLE, settings=settings) as served:
            yield served


def stopped(server: RedisServer, _: Proxy) -> tuple[Step, Step]:
    return server.stop, server.start


def frozen(server: RedisServer, _: Proxy) -> tuple[Step, Step]:
    return server.freeze, server.thaw


def slow(_: RedisServer, proxy: Proxy) -> tuple[Step, Step]:
    return lambda: setattr(proxy, "delay", 0.5), lambda: setattr(proxy, "delay", 0.0)


def paused(server: RedisServer, _: Proxy) -> tuple[Step, Step]:
    async def over() -> None:
        await asyncio.to_thread(server.tell, "PING")  # it answers when the pause has ended

    return lambda: server.tell("CLIENT", "PAUSE", "3000") and None, over


def full(server: RedisServer, _: Proxy) -> tuple[Step, Step]:
    return (
        lambda: server.tell("CONFIG", "SET", "maxmemory-policy", "noeviction", "maxmemory", "1") and None,
        lambda: server.tell("CONFIG", "SET", "maxmemory", "0") and None,
    )


def read_only(server: RedisServer, _: Proxy) -> tuple[Step, Step]:
    return (
        lambda: server.tell("REPLICAOF", "127.0.0.1", "1") and None,
        lambda: server.tell("REPLICAOF", "NO", "ONE") and None,
    )


def locked(server: RedisServer, _: Proxy) -> tuple[Step, Step]:
    def lock() -> None:
        server.tell("CONFIG", "SET", "requirepass", "another password")
        server.password = "another password"
        server.tell("CLIENT", "KILL", "TYPE", "normal")

    def unlock() -> None:
        server.tell("CONFIG", "SET", "requirepass", "")
        server.password = ""

    return lock, unlock


def cut(_: RedisServer, proxy: Proxy) -> tuple[Step, Step]:
    return proxy.cut, proxy.flow


def silent(_: RedisServer, proxy: Proxy) -> tuple[Step, Step]:
    return proxy.hang, proxy.flow


@pytest.mark.parametrize("fault", [stopped, frozen, slow, paused, full, read_only, locked, cut, silent])
async def test_redis_fails_and_sign_in_stays_limited_and_all_is_well_again(
    fault: Callable[[RedisServer, Proxy], tuple[Step, Step]], tmp_path: Path
) -> None:
    with redis_server(tmp_path) as server:
        async with proxied(server.port) as proxy:
            breaks, mends = fault(server, proxy)
            async with on_redis(tmp_path, f"redis://127.0.0.1:{proxy.port}/0") as served:
                await endures(Patient(served, breaks, mends))


async def test_a_flushed_redis_counts_anew_and_is_no_outage(tmp_path: Path) -> None:
    with redis_server(tmp_path) as server:
        async with on_redis(tmp_path, server.url) as served:
            patient = Patient(served, lambda: None, lambda: None)
            before = await patient.sign_ins("ada@example.com", 8)
            server.tell("FLUSHALL")
            server.tell("SCRIPT", "FLUSH")
            after = await patient.sign_ins("ada@example.com", 8)

    assert before == after == {401: ALLOWED, 429: 8 - ALLOWED}
    assert not patient.told(EventType.SYS_STORE_DOWN)


@pytest.mark.parametrize("fault", [cut, silent])
async def test_sql_counters_fail_and_sign_in_stays_limited_and_all_is_well_again(
    fault: Callable[[Any, Proxy], tuple[Step, Step]], tmp_path: Path
) -> None:
    async with fresh_url("sqlite", tmp_path) as database, fresh_url("postgresql", tmp_path) as counted:
        direct = make_url(counted)
        async with proxied(direct.port or 5432) as proxy:
            through = direct.set(host="127.0.0.1", port=proxy.port).render_as_string(hide_password=False)
            store = SqlStore(engine_for(through))
            await store.create_tables()
            breaks, mends = fault(None, proxy)
            async with serving(database, throttle=THROTTLE, settings=LIMITS, store=store) as served:
                await endures(Patient(served, breaks, mends))
            await store.close()


@pytest.mark.parametrize("fault", [cut, silent])
async def test_accounts_and_counters_in_one_database_that_goes_away_answer_503_at_worst(
    fault: Callable[[Any, Proxy], tuple[Step, Step]], tmp_path: Path
) -> None:
    async with fresh_url("postgresql", tmp_path) as url:
        direct = make_url(url)
        async with proxied(direct.port or 5432) as proxy:
            through = direct.set(host="127.0.0.1", port=proxy.port).render_as_string(hide_password=False)
            breaks, mends = fault(None, proxy)
            async with serving(through, throttle=THROTTLE, settings=LIMITS, counters="database") as served:
                patient = Patient(served, breaks, mends)
                before = await patient.shared("before")
                await run(breaks)
                during = await patient.sign_ins("during@example.com", 20)
                during += await patient.sign_ins("during@example.com", 20)
                await run(mends)
                took = await patient.answers()
                await patient.recovers()
                after = await patient.shared("after")

    assert before == after == {401: ALLOWED, 429: 8 - ALLOWED}
    assert during.keys() <= {401, 429, 503}
    assert during[401] <= 2 * ALLOWED
    assert took < RECOVERY
