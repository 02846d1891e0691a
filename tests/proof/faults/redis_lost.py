"""Experiment 7: Redis is gone, hangs, is full, or forgets everything, while four workers count sign-ins on it."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import Counter
from collections.abc import Callable

import httpx2

from cells import Serving, served
from plain_http import NO_TLS
from proof.faults.callers import OPEN
from proof.faults.experiment import Figure, Trial, at_least, at_most, only, within
from redis_server import RedisServer

ALLOWED, TRIED, REPEATS, RECOVERY = 8, 60, 3, 2.0
FAULTS: dict[str, tuple[Callable[[RedisServer], object], Callable[[RedisServer], object]]] = {
    "gone": (RedisServer.stop, RedisServer.start),
    "hangs": (RedisServer.freeze, RedisServer.thaw),
    "full": (
        lambda redis: redis.tell("CONFIG", "SET", "maxmemory-policy", "noeviction", "maxmemory", "1"),
        lambda redis: redis.tell("CONFIG", "SET", "maxmemory", "0"),
    ),
}


async def run(trial: Trial) -> list[Figure]:
    """Each fault three times: guesses at a new account during it, and again until the shared count decides."""
    figures: list[Figure] = []
    limits = {"FASTNESS_ACCOUNTS__THROTTLE__ACCOUNT": f"{ALLOWED}/hour", "FASTNESS_REDIS_TIMEOUT": "0.05"}
    async with served(trial.cell, trial.folder, **{**OPEN, **limits}) as serving:
        assert serving.redis is not None
        for name, (breaks, mends) in FAULTS.items():
            figures += await _fault(name, serving, serving.redis, breaks, mends)
        figures += await _flushed(serving, serving.redis)
        told = serving.server.err.count('"sys_store_down"')
        most = REPEATS * len(FAULTS) * trial.cell.workers
        figures += [at_least("events of an outage", told, 1), at_most("events of an outage, one a worker", told, most)]
    return figures


async def _fault(
    name: str,
    serving: Serving,
    redis: RedisServer,
    breaks: Callable[[RedisServer], object],
    mends: Callable[[RedisServer], object],
) -> list[Figure]:
    seen, most, worst = Counter[int](), 0, 0.0
    for _ in range(REPEATS):
        await asyncio.to_thread(breaks, redis)
        during = await _guesses(serving.url)
        await asyncio.to_thread(mends, redis)
        back = began = time.monotonic()
        while (again := await _guesses(serving.url)) != {401: ALLOWED, 429: TRIED - ALLOWED}:
            seen += again
            assert time.monotonic() - back < 30, f"Redis {name}: never exact again"
            began = time.monotonic()
        # When the round that was exact began, all was well again.
        worst = max(worst, began - back)
        seen, most = seen + during, max(most, during[401])
    return [
        only(f"{name}: answers", seen, {401, 429}),
        # Each of them may allow a share of its own, beside what Redis allowed before it went.
        at_most(f"{name}: sign-ins tried at one account, of {TRIED}", most, 2 * ALLOWED),
        within(f"{name}: exact again after", worst, RECOVERY),
    ]


async def _flushed(serving: Serving, redis: RedisServer) -> list[Figure]:
    before = await _guesses(serving.url)
    redis.tell("FLUSHALL")
    redis.tell("SCRIPT", "FLUSH")
    after = await _guesses(serving.url)
    exact = {401: ALLOWED, 429: TRIED - ALLOWED}
    return [Figure("flushed: sign-ins", f"{dict(before)}, {dict(after)}", f"{exact} twice", before == after == exact)]


async def _guesses(url: str) -> Counter[int]:
    email = f"{secrets.token_hex(6)}@example.com"

    async def one() -> int:
        # A connection each, so that the kernel spreads them over the workers.
        async with httpx2.AsyncClient(base_url=url, timeout=60, verify=NO_TLS) as http:
            return (await http.post("/auth/login", json={"email": email, "password": "not the right one"})).status_code

    return Counter(await asyncio.gather(*(one() for _ in range(TRIED))))
