"""Sign-in throttling, without HTTP."""

from __future__ import annotations

from collections.abc import Awaitable

import pytest

from fastness.accounts.throttle import Throttle, ThrottleSettings, TooManyFailures, coarse
from fastness.core.errors import TooManyRequests
from fastness.core.events import Event, EventType
from fastness.core.keys import KeyRing
from fastness.core.store import Hit, MemoryStore, Rate

pytestmark = pytest.mark.anyio

ADA, EVE = "ada@example.com", "eve@example.com"


class Clock:
    def __init__(self) -> None:
        self.time = 1000.0

    def __call__(self) -> float:
        return self.time


class Broken:
    """A store that is away."""

    def __init__(self) -> None:
        self.asked = 0

    def hit(self, key: str, rate: Rate) -> Awaitable[Hit]:
        self.asked += 1
        return self._fail()

    def reset(self, key: str) -> None:
        raise ConnectionError("redis://user:canary@host")

    async def _fail(self) -> Hit:
        raise ConnectionError("redis://user:canary@host")


class Recording(MemoryStore):
    """A store that shows its keys."""

    def __init__(self) -> None:
        super().__init__()
        self.keys: list[str] = []

    def hit(self, key: str, rate: Rate) -> Hit:
        self.keys.append(key)
        return super().hit(key, rate)


def throttle(**given: object) -> Throttle:
    return Throttle(MemoryStore(), KeyRing(["s" * 40]), ThrottleSettings.model_validate(given))


async def passes(wait: Awaitable[None]) -> bool:
    try:
        await wait
    except TooManyRequests:
        return False
    return True


async def test_the_sixth_sign_in_to_one_account_waits() -> None:
    slow = throttle()

    passed = [await passes(slow.by_account(ADA)) for _ in range(6)]

    assert passed == [True] * 5 + [False]
    assert await passes(slow.by_account(EVE))


async def test_a_known_device_passes_while_strangers_have_emptied_the_accounts_bucket() -> None:
    slow = throttle()
    for _ in range(6):
        await passes(slow.by_account(ADA))

    assert await passes(slow.by_account(ADA, device="laptop"))


async def test_a_known_device_has_a_bucket_of_its_own_that_ends_too() -> None:
    slow = throttle()

    passed = [await passes(slow.by_account(ADA, device="laptop")) for _ in range(6)]

    assert passed == [True] * 5 + [False]
    assert await passes(slow.by_account(ADA, device="phone"))


async def test_a_success_empties_the_accounts_bucket_and_never_the_addresses() -> None:
    slow = throttle(address="6/minute")
    for _ in range(5):
        await slow.by_address("address", "192.0.2.1")
        await slow.by_account(ADA)

    await slow.forgive(ADA)

    assert await passes(slow.by_account(ADA))
    assert await passes(slow.by_address("address", "192.0.2.1"))
    assert not await passes(slow.by_address("address", "192.0.2.1"))


async def test_after_a_hundred_failures_in_a_row_a_new_device_is_told_apart_and_a_known_one_passes() -> None:
    slow = throttle(account="1000/minute", failures=100)
    for _ in range(100):
        await slow.by_account(ADA)

    with pytest.raises(TooManyFailures):
        await slow.by_account(ADA)
    assert await passes(slow.by_account(ADA, device="laptop"))


async def test_everybody_together_is_limited_and_known_devices_are_not() -> None:
    slow = throttle(everyone="3/minute")

    passed = [await passes(slow.by_account(f"{n}@example.com")) for n in range(4)]

    assert passed == [True] * 3 + [False]
    assert await passes(slow.by_account(ADA, device="laptop"))


async def test_the_store_never_sees_an_address() -> None:
    store = Recording()
    slow = Throttle(store, KeyRing(["s" * 40]))

    await slow.by_address("address", "192.0.2.1")
    await slow.by_account(ADA)
    await slow.by_account(ADA, device="laptop")

    assert len(store.keys) == len(set(store.keys)) == 6
    assert not any(word in key for key in store.keys for word in ("ada@", "example", "192.0.2", "laptop"))


async def test_keys_differ_with_the_secret() -> None:
    one, other = Recording(), Recording()

    await Throttle(one, KeyRing(["s" * 40])).by_account(ADA)
    await Throttle(other, KeyRing(["t" * 40])).by_account(ADA)

    assert not set(one.keys) & set(other.keys)


async def test_a_store_that_is_away_leaves_a_local_limit_shared_among_the_workers_and_one_event() -> None:
    events: list[Event] = []
    store = Broken()
    slow = Throttle(store, KeyRing(["s" * 40]), ThrottleSettings(account="8/minute"), emit=events.append, workers=4)

    passed = [await passes(slow.by_account(ADA)) for _ in range(4)]

    assert passed == [True, True, False, False]
    assert [event.type for event in events].count(EventType.SYS_STORE_DOWN) == 1
    assert "canary" not in repr(events)
    assert store.asked == 1


async def test_a_store_that_came_back_is_asked_again() -> None:
    clock, events = Clock(), list[Event]()
    store = Broken()
    slow = Throttle(store, KeyRing(["s" * 40]), emit=events.append, ticks=clock)
    await slow.by_account(ADA)

    clock.time += 2
    await slow.by_account(EVE)

    assert store.asked == 2


async def test_a_success_while_the_store_is_away_is_still_a_success() -> None:
    slow = Throttle(Broken(), KeyRing(["s" * 40]))

    await slow.by_account(ADA)
    await slow.forgive(ADA)


@pytest.mark.parametrize(("exact", "told"), [(0.1, 60), (59, 60), (61, 300), (301, 900), (901, 3600), (1e9, 3600)])
def test_retry_after_is_coarse(exact: float, told: int) -> None:
    assert coarse(exact) == told


async def test_retry_after_is_the_same_for_each_step_of_a_wait() -> None:
    slow = throttle(account="2/minute")
    waits = set()
    for _ in range(5):
        try:
            await slow.by_account(ADA)
        except TooManyRequests as refused:
            waits.add(refused.retry_after)

    assert waits == {60}


def test_a_setting_that_is_no_rate_is_refused() -> None:
    with pytest.raises(ValueError, match="rate"):
        ThrottleSettings(account="often")
