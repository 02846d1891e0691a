"""The pool: bounded, niced, off the event loop, and gone after close."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import Iterator

import pytest

from fastness.controls.passwords import Passwords, PasswordSettings
from fastness.controls.passwords.argon import Argon2id
from fastness.controls.passwords.pool import HashPool
from fastness.core.errors import Unavailable

pytestmark = pytest.mark.anyio

PASSWORD = "mauve-tractor-whisper-banana"


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """Holds hashing threads until it is set; always set at the end, so that no thread outlives its test."""
    event = threading.Event()
    yield event
    event.set()


@pytest.fixture
def pool() -> Iterator[HashPool]:
    made = HashPool(threads=1, waiting=2, niceness=15)
    yield made
    made.close()


async def started(pool: HashPool, gate: threading.Event) -> asyncio.Task[bool]:
    """A call that runs in the pool's thread, and waits there."""
    begun = asyncio.Event()
    loop = asyncio.get_running_loop()

    def work() -> bool:
        loop.call_soon_threadsafe(begun.set)
        return gate.wait(30)

    task = asyncio.create_task(pool.run(work))
    await begun.wait()
    return task


def waiting(pool: HashPool, count: int) -> list[asyncio.Task[int]]:
    return [asyncio.create_task(pool.run(lambda: 7)) for _ in range(count)]


async def test_the_event_loop_turns_while_fifty_checks_are_in_flight(
    gate: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    passwords = Passwords(PasswordSettings(memory_kib=8, time_cost=1, threads=2))
    real = Argon2id.verify

    def held(self: Argon2id, password: bytes, stored: str) -> bool:
        # Only the event loop opens the gate: on the loop, a check would wait for itself.
        if not gate.wait(10):
            gate.set()
            raise TimeoutError("the event loop was blocked")
        return real(self, password, stored)

    monkeypatch.setattr(Argon2id, "verify", held)

    checks = asyncio.gather(*(passwords.check(PASSWORD, None) for _ in range(50)))
    for _ in range(100):
        await asyncio.sleep(0)
    in_flight = passwords._pool.taken
    gate.set()
    matches = await checks

    assert in_flight == 50
    assert [match.ok for match in matches] == [False] * 50
    passwords.close()


async def test_the_loop_runs_while_every_hashing_thread_is_stuck(pool: HashPool, gate: threading.Event) -> None:
    running = await started(pool, gate)

    assert not running.done()
    gate.set()
    assert await running is True


async def test_no_hash_runs_on_the_event_loop_thread() -> None:
    pool = HashPool(threads=2, waiting=8, niceness=15)

    threads = await asyncio.gather(*(pool.run(threading.current_thread) for _ in range(8)))

    assert threading.current_thread() not in threads
    assert {thread.name.rpartition("_")[0] for thread in threads} == {"fastness-passwords"}
    pool.close()


async def test_no_more_than_the_set_number_hash_at_once() -> None:
    pool = HashPool(threads=2, waiting=20, niceness=15)
    both = threading.Barrier(2)
    lock, now, most = threading.Lock(), 0, 0

    def work() -> None:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        both.wait(30)
        with lock:
            now -= 1

    await asyncio.gather(*(pool.run(work) for _ in range(10)))

    assert most == 2
    pool.close()


async def test_beyond_the_queue_the_answer_is_503_with_retry_after(pool: HashPool, gate: threading.Event) -> None:
    running = await started(pool, gate)
    others = waiting(pool, 2)
    await asyncio.sleep(0)

    with pytest.raises(Unavailable) as refused:
        await pool.run(lambda: 7)

    assert (refused.value.status, refused.value.headers["Retry-After"]) == (503, "1")
    gate.set()
    assert await running
    assert await asyncio.gather(*others) == [7, 7]


async def test_a_place_is_free_again_after_the_hash_also_after_one_that_failed(pool: HashPool) -> None:
    def fails() -> None:
        raise LookupError

    for _ in range(10):
        with pytest.raises(LookupError):
            await pool.run(fails)
        assert await pool.run(lambda: 7) == 7


async def test_by_default_fifty_sign_ins_on_two_cores_are_not_refused() -> None:
    passwords = Passwords(PasswordSettings(memory_kib=8, time_cost=1, threads=2))

    matches = await asyncio.gather(*(passwords.check(PASSWORD, None) for _ in range(50)))

    assert len(matches) == 50
    passwords.close()


async def test_a_cancelled_waiter_gives_its_place_back(pool: HashPool, gate: threading.Event) -> None:
    running = await started(pool, gate)
    others = waiting(pool, 2)
    await asyncio.sleep(0)
    assert pool.taken == 3

    others[0].cancel()
    with pytest.raises(asyncio.CancelledError):
        await others[0]

    assert pool.taken == 2
    late = waiting(pool, 1)
    gate.set()
    assert await asyncio.gather(running, others[1], *late) == [True, 7, 7]


async def test_a_cancelled_hash_that_runs_keeps_its_place_until_it_ends(pool: HashPool, gate: threading.Event) -> None:
    running = await started(pool, gate)

    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running

    assert pool.taken == 1
    gate.set()
    assert await pool.run(lambda: 7) == 7
    assert pool.taken == 0


@pytest.mark.skipif(sys.platform != "linux", reason="niceness per thread is Linux")
async def test_the_hashing_threads_give_way_and_the_event_loop_does_not(pool: HashPool) -> None:
    before = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    niceness = await pool.run(lambda: os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))

    assert niceness == max(15, before)
    assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) == before


async def test_close_ends_the_threads_and_later_calls_are_refused() -> None:
    passwords = Passwords(PasswordSettings.unsafe_for_tests())
    before = set(threading.enumerate())
    await asyncio.gather(*(passwords.check(PASSWORD, None) for _ in range(8)))
    assert set(threading.enumerate()) - before

    passwords.close()
    passwords.close()

    assert set(threading.enumerate()) - before == set()
    with pytest.raises(Unavailable):
        await passwords.check(PASSWORD, None)


async def test_close_refuses_what_waits_and_cancels_nobody(pool: HashPool, gate: threading.Event) -> None:
    running = await started(pool, gate)
    others = waiting(pool, 2)
    await asyncio.sleep(0)
    closing = asyncio.create_task(asyncio.to_thread(pool.close))

    results = await asyncio.gather(*others, return_exceptions=True)
    gate.set()
    await closing

    assert [type(result) for result in results] == [Unavailable, Unavailable]
    assert await running is True


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
async def test_a_forked_child_starts_its_own_threads(pool: HashPool) -> None:
    assert await pool.run(lambda: 7) == 7

    child = os.fork()
    if child == 0:
        code = 1
        try:
            future = pool._submit(lambda: 7)
            code = 0 if future.result(timeout=20) == 7 else 2
        finally:
            os._exit(code)

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0  # noqa: ASYNC222 - nothing else runs
