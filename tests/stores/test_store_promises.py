"""What every store promises, on each of them: real files, real servers, real processes."""

from __future__ import annotations

import asyncio
import inspect
import multiprocessing
import os
from collections.abc import AsyncIterator, Awaitable
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fastness.core.store import CounterStore, Hit, Rate
from stores.gcra import Model
from stores.stages import Stage, open_store, staged

pytestmark = [pytest.mark.anyio, pytest.mark.store]

DAY = Rate(100, 86400.0)
SHARED = ["sqlite", "postgresql", "redis", "valkey"]


@pytest.fixture(params=["memory", *SHARED])
async def stage(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Stage]:
    async with staged(request.param, tmp_path) as found:
        yield found


@pytest.fixture(params=SHARED)
async def shared(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Stage]:
    async with staged(request.param, tmp_path) as found:
        yield found


async def hit(store: CounterStore, key: str, rate: Rate) -> Hit:
    found: Hit | Awaitable[Hit] = store.hit(key, rate)
    return found if isinstance(found, Hit) else await found


async def reset(store: CounterStore, key: str) -> None:
    waiting = store.reset(key)
    if inspect.isawaitable(waiting):
        await waiting


async def test_sequences_of_hits_equal_the_exact_model(stage: Stage) -> None:
    store, clock = stage.timed(), stage.clock
    rounds = iter(range(10**6))

    async def compare(rate: Rate, steps: list[tuple[int, str]]) -> None:
        model, number = Model(rate.limit, Fraction(rate.interval, 1_000_000)), next(rounds)
        for step, key in steps:
            clock.micros += step
            found = await hit(store, f"{number}:{key}", rate)
            expected = model.hit(key, Fraction(clock.micros, 1_000_000))
            micros = [Fraction(round(value * 1e6), 1_000_000) for value in (found.retry_after, found.reset_after)]
            assert (found.allowed, found.remaining, *micros) == expected

    loop = asyncio.get_running_loop()

    @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(
        rate=st.builds(Rate, st.integers(1, 7), st.sampled_from([1.0, 7.0, 60.0, 86400.0])),
        steps=st.lists(
            st.tuples(st.one_of(st.just(0), st.integers(0, 10**6), st.integers(0, 10**9)), st.sampled_from("ab")),
            max_size=25,
        ),
    )
    def explore(rate: Rate, steps: list[tuple[int, str]]) -> None:
        asyncio.run_coroutine_threadsafe(compare(rate, steps), loop).result()

    await asyncio.to_thread(explore)


async def test_five_a_minute_is_five_at_once_and_then_one_every_twelve_seconds(stage: Stage) -> None:
    store, clock, rate = stage.timed(), stage.clock, Rate.parse("5/minute")

    at_once = [await hit(store, "ada", rate) for _ in range(6)]
    clock.micros += 11_999_999
    early = await hit(store, "ada", rate)
    clock.micros += 1
    due = [(await hit(store, "ada", rate)).allowed for _ in range(2)]

    assert [found.remaining for found in at_once] == [4, 3, 2, 1, 0, 0]
    assert at_once[-1] == (False, 0, 12.0, 60.0)
    assert (early.allowed, early.retry_after) == (False, 1e-6)
    assert due == [True, False]


async def test_fifty_tasks_at_once_get_exactly_the_limit(stage: Stage) -> None:
    store = stage.store()

    for turn in range(4):
        rate = Rate(20, 86400.0)
        hits = await asyncio.gather(*(hit(store, f"key {turn}", rate) for _ in range(50)))

        assert sum(found.allowed for found in hits) == 20
        assert sorted(found.remaining for found in hits if found.allowed) == list(range(20))
        assert all(found.retry_after > 0 for found in hits if not found.allowed)


def hit_from_another_process(kind: str, where: str, prefix: str, times: int) -> tuple[int, int]:
    async def run() -> tuple[int, int]:
        store, close = open_store(kind, where, prefix)
        allowed = [(await hit(store, "shared", DAY)).allowed for _ in range(times // 2)]
        allowed += [h.allowed for h in await asyncio.gather(*(hit(store, "shared", DAY) for _ in range(times // 2)))]
        puts = [await store.put_once(f"once {n}", str(os.getpid()), ttl=60) for n in range(20)]
        await close()
        return sum(allowed), sum(puts)

    return asyncio.run(run())


@pytest.mark.workers
async def test_four_processes_together_get_exactly_the_limit_and_each_value_is_put_once(shared: Stage) -> None:
    context = multiprocessing.get_context("spawn")

    def race() -> list[tuple[int, int]]:
        with context.Pool(4) as pool:
            return pool.starmap(hit_from_another_process, [(shared.kind, shared.where, shared.prefix, 60)] * 4)

    results = await asyncio.to_thread(race)

    assert sum(allowed for allowed, _ in results) == 100
    assert sum(puts for _, puts in results) == 20


async def test_one_of_many_consumers_gets_the_value(stage: Stage) -> None:
    store = stage.store()

    for n in range(5):
        puts = await asyncio.gather(*(store.put_once(f"code {n}", "valué", ttl=60) for _ in range(20)))
        takes = await asyncio.gather(*(store.consume(f"code {n}") for _ in range(20)))

        assert sum(puts) == 1
        assert sorted(take or "" for take in takes) == [""] * 19 + ["valué"]


async def test_a_value_ends_with_its_time(stage: Stage) -> None:
    store = stage.timed()
    await store.put_once("consumed late", "old", ttl=0.2)
    await store.put_once("put again", "old", ttl=0.2)
    early = await store.put_once("put again", "new", ttl=0.2)
    await stage.outlive(0.2)

    assert not early
    assert await store.consume("consumed late") is None
    assert await store.put_once("put again", "new", ttl=60)
    assert await store.consume("put again") == "new"


async def test_reset_forgets_one_key_only(stage: Stage) -> None:
    store, rate = stage.store(), Rate(1, 3600.0)
    for key in ("ada", "bob"):
        await hit(store, key, rate)

    await reset(store, "ada")

    assert (await hit(store, "ada", rate)).allowed
    assert not (await hit(store, "bob", rate)).allowed


async def test_a_key_filled_under_a_slower_rate_is_just_full_under_a_faster_one(stage: Stage) -> None:
    store = stage.timed()
    await hit(store, "ada", Rate.parse("1/day"))

    found = await hit(store, "ada", Rate.parse("5/minute"))
    stage.clock.micros += 12_000_000

    assert (found.allowed, found.retry_after, found.reset_after) == (False, 12.0, 60.0)
    assert (await hit(store, "ada", Rate.parse("5/minute"))).allowed


@pytest.mark.parametrize("jump", [-3600, 3600])
async def test_a_clock_set_wrong_and_right_again_blocks_no_longer_than_the_period(stage: Stage, jump: int) -> None:
    store, clock, rate = stage.timed(), stage.clock, Rate.parse("5/minute")
    await hit(store, "ada", rate)

    clock.micros += jump * 1_000_000
    await hit(store, "ada", rate)
    clock.micros += 60_000_000

    assert (await hit(store, "ada", rate)).allowed


async def test_whatever_is_in_a_key_the_store_answers(stage: Stage) -> None:
    store, rate = stage.store(), Rate(1, 3600.0)
    keys = ["", "a\0b", "a\ud800", "é", "e\u0301", "x" * 100_000, "x" * 100_001, "'; DROP TABLE fastness_once; --", "%",
            "a\r\nFLUSHALL\r\n", "sha256:" + "0" * 64]  # fmt: skip

    first = [(await hit(store, key, rate)).allowed for key in keys]
    second = [(await hit(store, key, rate)).allowed for key in keys]

    assert all(first)
    assert not any(second)


async def test_counters_and_values_of_one_name_are_apart(stage: Stage) -> None:
    store, rate = stage.store(), Rate(1, 3600.0)

    await hit(store, "ada", rate)
    put = await store.put_once("ada", "value", ttl=60)
    await reset(store, "ada")

    assert put
    assert await store.consume("ada") == "value"
