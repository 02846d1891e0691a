"""What one hit on a limit in Redis costs this process: CPU per hit, with some in flight, as under load.

    python bench/redis_hit.py [redis://127.0.0.1:6379/9]

The price of the tasks themselves (a gather of coroutines that do nothing) is taken off and shown beside it.
"""

from __future__ import annotations

import asyncio
import resource
import statistics
import sys
import time

import uvloop

from fastness.controls.limits import FallbackStore
from fastness.core.store import CounterStore, Hit, Rate
from fastness.stores.redis import RedisStore

RATE = Rate(1_000_000, 60.0)
ROUNDS = 5


def cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


async def timed(store: CounterStore | None, width: int, hits: int) -> tuple[float, float]:
    """CPU and wall microseconds per hit."""
    keys = [f"limits:{n:040x}" for n in range(width)]

    async def one(key: str) -> None:
        if store is not None:
            found = store.hit(key, RATE)
            hit = found if isinstance(found, Hit) else await found
            assert hit.allowed

    used, began = cpu(), time.perf_counter()
    for _ in range(hits // width):
        await asyncio.gather(*map(one, keys))
    return (cpu() - used) / hits * 1e6, (time.perf_counter() - began) / hits * 1e6


async def main() -> None:
    store = RedisStore(sys.argv[1] if len(sys.argv) > 1 else "redis://127.0.0.1:6379/9", prefix="bench:", budget=5.0)
    print(f"{'in flight':>9}  {'store':>8}  {'with fallback':>13}  {'tasks alone':>11}  {'hits/s':>8}")
    for width in (1, 8, 32, 128):
        rounds = [
            [await timed(each, width, 20_000) for each in (store, FallbackStore(store, timeout=None), None)]
            for _ in range(ROUNDS)
        ]
        alone, guarded, nothing = (statistics.median(r[i][0] for r in rounds) for i in range(3))
        wall = statistics.median(r[0][1] for r in rounds)
        print(
            f"{width:9d}  {alone - nothing:5.1f} us  {guarded - nothing:10.1f} us  {nothing:8.1f} us  {1e6 / wall:8.0f}"
        )
    await store.close()


if __name__ == "__main__":
    uvloop.run(main())
