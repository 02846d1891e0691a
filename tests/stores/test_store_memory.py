from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fastness.core.store import MemoryStore, Rate
from stores.gcra import Model

pytestmark = pytest.mark.anyio


class Hands:
    """A clock in whole microseconds that tests turn."""

    def __init__(self, start: int = 0) -> None:
        self.micros = start

    def __call__(self) -> float:
        return self.micros / 1e6


def micros(value: float) -> Fraction:
    return Fraction(round(value * 1e6), 1_000_000)


RATES = st.builds(Rate, st.integers(1, 50), st.sampled_from([0.5, 1.0, 7.0, 60.0, 900.0, 3600.0, 86400.0]))
STEPS = st.lists(
    st.tuples(
        st.one_of(st.just(0), st.integers(0, 3), st.integers(0, 10**6), st.integers(0, 10**11)),
        st.sampled_from("abc"),
        st.booleans(),
    ),
    max_size=80,
)


@settings(max_examples=400, deadline=None)
@given(rate=RATES, steps=STEPS, start=st.integers(0, 2 * 10**15))
def test_every_hit_equals_the_exact_model(rate: Rate, steps: list[tuple[int, str, bool]], start: int) -> None:
    clock = Hands(start)
    store = MemoryStore(now=clock)
    model = Model(rate.limit, Fraction(rate.interval, 1_000_000))

    for step, key, on_the_dot in steps:
        clock.micros += step
        if on_the_dot:  # the very microsecond at which the next hit becomes free
            wait = model.arrivals.get(key, Fraction(0)) - (rate.limit - 1) * model.interval - micros(clock())
            clock.micros += max(0, round(wait * 1_000_000))
        hit = store.hit(key, rate)

        expected = model.hit(key, Fraction(clock.micros, 1_000_000))
        assert (hit.allowed, hit.remaining, micros(hit.retry_after), micros(hit.reset_after)) == expected


@settings(max_examples=300, deadline=None)
@given(rate=RATES, steps=STEPS, start=st.integers(0, 2 * 10**15))
def test_a_count_that_nobody_reads_equals_one_that_is_read(
    rate: Rate, steps: list[tuple[int, str, bool]], start: int
) -> None:
    clock = Hands(start)
    unread, read = MemoryStore(now=clock), MemoryStore(now=clock)

    for step, key, either in steps:
        clock.micros += step
        # The limits ask `hit` again when `passes` says no: that must neither count nor change the answer.
        passed = unread.passes(key, rate) or (either and unread.hit(key, rate).allowed)

        assert passed is read.hit(key, rate).allowed


@given(rate=RATES)
def test_an_interval_is_the_period_shared_out_and_never_shorter(rate: Rate) -> None:
    textbook = Fraction(rate.period) * 1_000_000 / rate.limit

    assert textbook <= rate.interval < textbook + 1


def test_five_a_minute_is_five_at_once_and_then_one_every_twelve_seconds() -> None:
    clock, rate = Hands(), Rate.parse("5/minute")
    store = MemoryStore(now=clock)

    at_once = [store.hit("ada", rate) for _ in range(7)]
    clock.micros = 11_999_999
    early = store.hit("ada", rate)
    clock.micros = 12_000_000
    due = [store.hit("ada", rate).allowed for _ in range(2)]

    assert [(hit.allowed, hit.remaining) for hit in at_once] == [(True, n) for n in (4, 3, 2, 1, 0)] + [(False, 0)] * 2
    assert at_once[-1].retry_after == 12.0
    assert (early.allowed, early.retry_after) == (False, 1e-6)
    assert due == [True, False]


def test_refused_hits_do_not_postpone_the_next_free_one() -> None:
    clock, rate = Hands(), Rate.parse("1/minute")
    store = MemoryStore(now=clock)
    store.hit("ada", rate)

    for _ in range(100):
        clock.micros += 500_000
        assert not store.hit("ada", rate).allowed
    clock.micros = 60_000_000

    assert store.hit("ada", rate).allowed


def test_waiting_exactly_retry_after_is_enough_on_a_real_clocks_floats() -> None:
    clock, rate = [1_763_933_347.123457], Rate.parse("7/minute")
    store = MemoryStore(now=lambda: clock[0])
    while (hit := store.hit("ada", rate)).allowed:
        pass

    clock[0] += hit.retry_after

    assert store.hit("ada", rate).allowed


def test_a_key_filled_under_a_slower_rate_is_just_full_under_a_faster_one() -> None:
    clock = Hands()
    store = MemoryStore(now=clock)
    store.hit("ada", Rate.parse("1/day"))

    hit = store.hit("ada", Rate.parse("5/minute"))

    assert (hit.allowed, hit.retry_after, hit.reset_after) == (False, 12.0, 60.0)


def test_reset_forgets_one_key_only() -> None:
    store, rate = MemoryStore(now=Hands()), Rate.parse("1/hour")
    store.hit("ada", rate)
    store.hit("bob", rate)

    store.reset("ada")

    assert store.hit("ada", rate).allowed
    assert not store.hit("bob", rate).allowed


@pytest.mark.parametrize("capacity", [100, 64 * 64 * 2])
def test_a_flood_of_new_keys_stays_within_capacity_and_frees_no_refused_key(capacity: int) -> None:
    store, login, everything = MemoryStore(capacity=capacity, now=Hands()), Rate(5, 60.0), Rate(300, 60.0)
    while store.hit("attacker", login).allowed:
        pass

    for n in range(capacity * 5):
        store.hit(f"flood {n}", everything)
        if n % 3 == 0:
            store.hit(f"flood with a longer period {n}", Rate(10, 86400.0))

    assert store.size <= capacity
    assert not store.hit("attacker", login).allowed


def test_a_refused_key_outlives_others_that_are_less_used_up() -> None:
    store, login = MemoryStore(capacity=100, now=Hands()), Rate(5, 60.0)
    while store.hit("attacker", login).allowed:
        pass

    for n in range(1000):  # four of five hits, from a new address each: still not as used up as the refused one
        for _ in range(4):
            store.hit(f"helper {n}", login)

    assert not store.hit("attacker", login).allowed


def test_expired_counters_go_first() -> None:
    clock = Hands()
    store = MemoryStore(capacity=100, now=clock)
    for n in range(99):
        store.hit(f"old {n}", Rate(1, 1.0))
    clock.micros = 2_000_000
    store.hit("live", Rate(300, 60.0))

    store.hit("one more", Rate(1, 60.0))

    assert store.size == 2


async def test_a_value_is_put_once_and_consumed_once() -> None:
    store = MemoryStore(now=Hands())

    puts = [await store.put_once("code", value, ttl=10) for value in ("first", "second")]
    takes = [await store.consume("code") for _ in range(2)]

    assert puts == [True, False]
    assert takes == ["first", None]


async def test_a_value_ends_with_its_time() -> None:
    clock = Hands()
    store = MemoryStore(now=clock)
    await store.put_once("code", "old", ttl=10)
    clock.micros = 10_000_000

    assert await store.consume("code") is None
    assert await store.put_once("code", "new", ttl=10)
    assert await store.consume("code") == "new"


async def test_values_are_never_forgotten_early_however_many_arrive() -> None:
    clock = Hands()
    store = MemoryStore(capacity=50, now=clock)
    await store.put_once("used code", "", ttl=100)

    taken = [await store.put_once(f"flood {n}", "", ttl=10) for n in range(1000)]
    replay = await store.put_once("used code", "", ttl=100)
    clock.micros = 10_000_000
    after = await store.put_once("next", "", ttl=10)

    assert sum(taken) == 49
    assert not replay
    assert after


async def test_consumed_values_leave_nothing_behind() -> None:
    store = MemoryStore(capacity=50, now=Hands())

    for n in range(1000):
        await store.put_once(f"code {n}", "", ttl=1000)
        await store.consume(f"code {n}")

    assert store.size == 0
    assert len(store._expiries) <= 101


@pytest.mark.parametrize(
    ("text", "limit", "period"),
    [("5/minute", 5, 60), ("20/15 minutes", 20, 900), (" 10 / HOUR ", 10, 3600), ("1/366 days", 1, 31622400)],
)
def test_a_rate_reads_as_it_is_written(text: str, limit: int, period: float) -> None:
    rate = Rate.parse(text)

    assert (rate.limit, rate.period) == (limit, period)
    assert Rate.parse(str(rate)) == rate


@pytest.mark.parametrize(
    "text",
    ["", "5", "5/", "/minute", "0/minute", "-5/minute", "5/0 minutes", "5.5/minute", "5/minute\n1", "5/fortnight",
     "5 per minute", "1/367 days", "1/999999 days", "2000000/second", "٥/minute", "unlimited"],
)  # fmt: skip
def test_what_is_no_rate_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="rate"):
        Rate.parse(text)


@pytest.mark.parametrize(("limit", "period"), [(0, 60.0), (5, 0.0), (5, -1.0), (5, float("nan")), (5, float("inf"))])
def test_a_rate_made_by_hand_is_checked_too(limit: int, period: float) -> None:
    with pytest.raises(ValueError, match="a rate is"):
        Rate(limit, period)
