"""The exact moments at which a store is given up and tried again, and what the chain's limits do meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

import virtual_time
from controls.test_limits_chain import Chain, Rule
from fastness.controls.limits import FallbackStore, LimitSettings, limit
from fastness.controls.limits.fallback import share
from fastness.core.events import Event, EventType, Level
from fastness.core.store import Hit, MemoryStore, Rate

pytestmark = pytest.mark.anyio

RATE = Rate(3, 3600.0)
YEAR = 366 * 86_400.0
Now = Callable[[], float]


class Broken:
    """A store that raises while it is down, and says how often it was asked."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error or ConnectionError("postgresql://fastness:hunter2@db.internal is away")
        self.down, self.hits, self.resets = True, 0, list[str]()
        self.memory = MemoryStore(now=lambda: 0.0)

    async def hit(self, key: str, rate: Rate) -> Hit:
        self.hits += 1
        if self.down:
            raise self.error
        return self.memory.hit(key, rate)

    async def reset(self, key: str) -> None:
        self.resets.append(key)
        self.memory.reset(key)


async def asked(store: FallbackStore, key: str = "ada", rate: Rate = RATE) -> Hit:
    hit = store.hit(key, rate)
    return hit if isinstance(hit, Hit) else await hit


class Answering:
    """A store that answers every key at once but one, which it never answers."""

    async def hit(self, key: str, rate: Rate) -> Hit:
        if key == "stuck":
            await asyncio.Event().wait()
        return Hit(True, rate.limit, 0.0, 0.0)

    async def reset(self, key: str) -> None: ...


def given_up(*others: float, timeout: float = 2.0) -> float:
    """The second at which a hit that never ends is given up, while others are answered at these."""

    async def main(now: Now) -> float:
        store = FallbackStore(Answering(), timeout=timeout, now=now)

        async def other(at: float) -> None:
            await asyncio.sleep(at)
            await asked(store, "answered")

        tasks = [asyncio.create_task(other(at)) for at in others]
        assert (await asked(store, "stuck")).allowed
        over = now()
        for task in tasks:
            task.cancel()
        return over

    return virtual_time.run(main)


def test_a_store_that_answers_nobody_is_given_up_after_one_time_out() -> None:
    assert given_up() == 2.0
    assert given_up(timeout=0.5) == 0.5


def test_after_an_answer_to_another_hit_a_whole_turn_must_be_silent() -> None:
    assert given_up(0.25) == 2.5
    assert given_up(0.25, 2.25) == 4.5
    assert given_up(0.25, 2.75) == 2.5


def test_while_this_process_does_not_run_the_store_is_not_silent() -> None:
    async def main(now: Now) -> tuple[list[EventType], float]:
        class InThreeSteps(Answering):
            async def hit(self, key: str, rate: Rate) -> Hit:
                for _ in range(3):
                    await asyncio.sleep(0.2)
                return await super().hit(key, rate)

        events = list[Event]()
        store = FallbackStore(InThreeSteps(), events.append, timeout=1.0, now=now)
        asyncio.get_running_loop().call_later(0.1, virtual_time.busy, 3.0)
        await asked(store)
        return [event.type for event in events], now()

    events, took = virtual_time.run(main)
    assert (events, round(took, 3)) == ([], 3.5)


def test_a_hit_waits_four_turns_at_most_however_many_others_are_answered() -> None:
    assert given_up(*(n / 4 for n in range(100))) == 8.0


def test_after_its_answer_a_hit_measures_no_time_any_more() -> None:
    async def main(now: Now) -> list[object]:
        told = list[object]()
        asyncio.get_running_loop().set_exception_handler(lambda _loop, what: told.append(what["message"]))
        store = FallbackStore(Answering(), timeout=1.0, now=now)
        await asked(store)
        await asyncio.sleep(10)
        return told

    assert virtual_time.run(main) == []


def test_by_default_a_store_has_a_second_and_is_tried_again_a_second_later() -> None:
    async def main(now: Now) -> list[float]:
        tried = list[float]()

        class Silent(Answering):
            async def hit(self, key: str, rate: Rate) -> Hit:
                tried.append(now())
                return await super().hit("stuck", rate)

        store = FallbackStore(Silent(), now=now)
        while now() < 4.5:
            await asked(store)
            await asyncio.sleep(0.125)
        return tried

    # Each try ends after one second, and one more must pass before the next.
    assert virtual_time.run(main) == [0.0, 2.0, 4.0]


async def test_what_is_counted_here_is_forgotten_in_time_too() -> None:
    now, behind = 0.0, Broken()
    store = FallbackStore(behind, now=lambda: now)

    before = [(await asked(store)).allowed for _ in range(4)]
    now = 3600.0
    after = [(await asked(store)).allowed for _ in range(4)]

    assert before == after == [True] * 3 + [False]


async def test_the_event_of_an_outage_names_the_error_and_its_code_and_nothing_that_it_says() -> None:
    error, events = ConnectionError("password=hunter2"), list[Event]()
    error.code = "08006"  # type: ignore[attr-defined]  # as drivers of databases do
    now, plain, coded = [0.0], Broken(), Broken(error)

    for behind in (plain, coded):
        store = FallbackStore(behind, events.append, now=lambda: now[0])
        await asked(store)
        behind.down = False
        now[0] += 1.0
        await asked(store)

    down, up = EventType.SYS_STORE_DOWN, EventType.SYS_STORE_UP
    which = {"store": "counters"}
    assert [(event.type, event.level, event.reason, event.details) for event in events] == [
        (down, Level.CRITICAL, "ConnectionError", which),
        (up, Level.INFO, "", which),
        (down, Level.CRITICAL, "ConnectionError 08006", which),
        (up, Level.INFO, "", which),
    ]


async def test_reset_asks_the_store_unless_it_is_down_and_not_to_be_tried_yet() -> None:
    now, behind = 0.0, Broken()
    store = FallbackStore(behind, now=lambda: now)

    await store.reset("before")
    await asked(store)  # down, until 1.0
    await store.reset("during")
    now = 1.0
    await store.reset("at the next try")
    behind.down = False
    await asked(store)  # up again, though 2.0 is still to come
    await store.reset("after")

    assert behind.resets == ["before", "at the next try", "after"]


async def test_reset_reaches_a_store_that_is_not_awaited_and_the_strict_view_waits_for_it() -> None:
    memory, behind = MemoryStore(now=lambda: 0.0), Broken()
    behind.down = False

    for store, strict in ((FallbackStore(memory), False), (FallbackStore(behind), True)):
        while (await asked(store)).allowed:
            pass
        waiting = (store.strict if strict else store).reset("ada")
        assert isinstance(waiting, Awaitable)
        await waiting
        assert (await asked(store)).allowed


@pytest.mark.parametrize(
    ("whole", "workers", "part"),
    [
        (Rate(8, 3600.0), 1, Rate(8, 3600.0)),
        (Rate(8, 3600.0), 2, Rate(4, 3600.0)),
        (Rate(4, 60.0), 4, Rate(1, 60.0)),
        (Rate(2, 60.0), 8, Rate(1, 240.0)),
        (Rate(1, YEAR), 256, Rate(1, YEAR)),
        (Rate(1, YEAR - 1), 256, Rate(1, YEAR)),
    ],
)
def test_a_share_is_whole_hits_or_one_in_a_longer_time_and_never_over_a_year(
    whole: Rate, workers: int, part: Rate
) -> None:
    assert share(whole, workers) == part


async def test_one_process_alone_allows_the_whole_rate_for_what_must_stay_limited() -> None:
    store = FallbackStore(Broken(), now=lambda: 0.0)

    hits = [store.strict.hit("ada", RATE) for _ in range(4)]

    assert [(hit if isinstance(hit, Hit) else await hit).allowed for hit in hits] == [True] * 3 + [False]


async def test_a_store_that_fails_under_the_chain_is_no_500_and_its_limits_hold() -> None:
    chain = Chain({"/": Rule(limits_by_address=(limit("2/hour"),))}, store=Broken(), key=b"k" * 32)

    assert await chain.codes(times=4) == [200, 200, 429, 429]
    assert chain.events[0].type == EventType.SYS_STORE_DOWN


async def test_during_an_outage_only_hidden_limits_are_shared_out_among_the_workers() -> None:
    store = FallbackStore(Broken(), now=lambda: 0.0, workers=4)
    rules = {
        "/login": Rule(limits_by_address=(limit("8/hour", hidden=True),), path="/login"),
        "/report": Rule(limits_by_address=(limit("8/hour"),), path="/report"),
        "/": Rule(),
    }
    chain = Chain(rules, LimitSettings(per_address="20/hour"), store, b"k" * 32)

    assert (await chain.codes("/login", 9)).count(200) == 2
    assert (await chain.codes("/report", 9, address="192.0.2.2")).count(200) == 8
    assert (await chain.codes("/", 21, address="192.0.2.3")).count(200) == 20
