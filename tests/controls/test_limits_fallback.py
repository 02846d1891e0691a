"""A store that fails or hangs: never unlimited, never a 500, one event."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

import pytest

from fastness.controls.limits import FallbackStore
from fastness.controls.limits.fallback import share
from fastness.core.events import Event, EventType
from fastness.core.store import CounterStore, Hit, MemoryStore, Rate

pytestmark = pytest.mark.anyio

RATE = Rate(3, 3600.0)


class Patient:
    """A store whose health the test decides."""

    def __init__(self, kind: str) -> None:
        self.kind, self.asked = kind, 0
        self.up = True
        self.memory = MemoryStore(now=lambda: 0.0)

    def hit(self, key: str, rate: Rate) -> Hit | Awaitable[Hit]:
        self.asked += 1
        if self.kind == "raises":
            return self._answer(key, rate)
        return self._later(key, rate)

    async def _later(self, key: str, rate: Rate) -> Hit:
        if self.kind == "hangs" and not self.up:
            await asyncio.Event().wait()
        return self._answer(key, rate)

    def _answer(self, key: str, rate: Rate) -> Hit:
        if not self.up:
            raise ConnectionError("postgresql://fastness:hunter2@db.internal is away")
        return self.memory.hit(key, rate)

    async def reset(self, key: str) -> None:
        self._answer(key, RATE)


@pytest.fixture(params=["raises", "raises later", "hangs"])
def patient(request: pytest.FixtureRequest) -> Patient:
    return Patient(request.param)


class Ward:
    def __init__(self, patient: Patient) -> None:
        self.now, self.events = 0.0, list[Event]()
        self.store = FallbackStore(patient, self.events.append, timeout=0.05, now=lambda: self.now)

    async def hit(self, key: str = "ada") -> bool:
        hit = self.store.hit(key, RATE)
        return (hit if isinstance(hit, Hit) else await hit).allowed


async def test_without_the_store_the_same_rate_holds_here_and_one_event_tells(patient: Patient) -> None:
    ward = Ward(patient)
    patient.up = False

    allowed = [await ward.hit() for _ in range(6)]

    assert allowed == [True] * 3 + [False] * 3
    assert [event.type for event in ward.events] == [EventType.SYS_STORE_DOWN]
    assert "hunter2" not in repr(ward.events)
    assert patient.asked == 1


async def test_requests_that_fail_together_are_one_outage(patient: Patient) -> None:
    ward = Ward(patient)
    patient.up = False

    allowed = await asyncio.gather(*(ward.hit() for _ in range(20)))

    assert sum(allowed) == 3
    assert len(ward.events) == 1


async def test_the_store_is_tried_again_each_second_by_one_request(patient: Patient) -> None:
    ward = Ward(patient)
    patient.up = False
    await ward.hit()
    asked = patient.asked

    for second in (1.0, 2.0, 3.0):
        ward.now = second
        await asyncio.gather(*(ward.hit() for _ in range(10)))

    assert patient.asked - asked == 3
    assert len(ward.events) == 1


async def test_the_store_counts_again_once_it_answers_and_a_second_outage_is_a_second_event(patient: Patient) -> None:
    ward = Ward(patient)
    patient.up = False
    await ward.hit()
    patient.up, ward.now = True, 1.0

    allowed = [await ward.hit() for _ in range(4)]
    patient.up = False
    await ward.hit("bob")

    assert allowed == [True] * 3 + [False]
    down, up = EventType.SYS_STORE_DOWN, EventType.SYS_STORE_UP
    assert [event.type for event in ward.events] == [down, up, down]


async def test_what_must_stay_limited_is_shared_out_among_the_workers_and_the_rest_is_not(patient: Patient) -> None:
    ward = Ward(patient)
    patient.up, ward.store.workers = False, 4
    strict = ward.store.strict

    async def through(store: CounterStore, key: str, rate: Rate) -> int:
        hits = [store.hit(key, rate) for _ in range(20)]
        return sum([(hit if isinstance(hit, Hit) else await hit).allowed for hit in hits])

    assert await through(strict, "sign-in", Rate(8, 3600.0)) == 2
    assert await through(strict, "code", Rate(3, 3600.0)) == 1
    assert await through(ward.store, "report", Rate(8, 3600.0)) == 8
    assert len(ward.events) == 1


@pytest.mark.parametrize(("limit", "workers"), [(100, 4), (5, 4), (3, 256), (1, 256), (1_000, 7)])
def test_shares_together_allow_no_more_than_the_whole_in_the_long_run(limit: int, workers: int) -> None:
    whole = Rate(limit, 3600.0)

    part = share(whole, workers)

    assert part.limit >= 1
    assert workers * part.limit / part.period <= limit / whole.period


async def test_a_store_that_is_slow_under_a_flood_and_answers_one_after_the_other_is_not_down() -> None:
    events = list[Event]()

    class OneByOne:
        memory, turn = MemoryStore(now=lambda: 0.0), asyncio.Lock()

        async def hit(self, key: str, rate: Rate) -> Hit:
            async with self.turn:
                await asyncio.sleep(0.01)
                return self.memory.hit(key, rate)

        async def reset(self, key: str) -> None: ...

    store = FallbackStore(OneByOne(), events.append, timeout=0.1)

    async def one() -> bool:
        hit = store.hit("ada", RATE)
        return (hit if isinstance(hit, Hit) else await hit).allowed

    allowed = await asyncio.gather(*(one() for _ in range(25)))

    assert sum(allowed) == 3
    assert events == []


async def test_reset_during_an_outage_forgets_here_and_raises_nothing(patient: Patient) -> None:
    ward = Ward(patient)
    patient.up = False
    while await ward.hit():
        pass

    await ward.store.reset("ada")

    assert await ward.hit()


async def test_a_late_answer_from_before_the_outage_does_not_end_it() -> None:
    patient = Patient("raises later")
    ward, released = Ward(patient), asyncio.Event()

    async def slow() -> Hit:
        await released.wait()
        return Hit(True, 0, 0.0, 0.0)

    late = asyncio.create_task(ward.store._awaited(slow(), ward.store._outage, "eve", RATE, strict=False))
    await asyncio.sleep(0)
    patient.up = False
    await ward.hit()
    released.set()
    await late
    await ward.hit()

    assert patient.asked == 1
