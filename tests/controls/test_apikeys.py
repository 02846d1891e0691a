"""API keys: a program proves itself with one, and nothing less, more or elsewhere does."""

from __future__ import annotations

import asyncio
import re
import zlib
from collections.abc import Awaitable
from typing import Any

import pytest

from by_hand import Seen, exchange
from fastness.controls.apikeys import ApiKey, ApiKeys, ApiKeySettings, InvalidApiKey, KeyText, MemoryApiKeys, MintedKey
from fastness.core.errors import (
    BadRequest,
    InsufficientScope,
    TooManyRequests,
    TwoIdentities,
    Unavailable,
    UnsafeConfiguration,
)
from fastness.core.keys import KeyRing
from fastness.core.principal import Principal
from fastness.core.store import MemoryStore, Rate

pytestmark = pytest.mark.anyio

OLD, NEW = "an old secret of thirty-two bytes!", "a new secret of thirty-two bytes!!"


class Counting(MemoryApiKeys):
    """A store that says how often it was asked, and can break."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0
        self.uses: list[float] = []
        self.broken: Exception | None = None

    async def find(self, digest: bytes) -> ApiKey | None:
        self.asked += 1
        if self.broken is not None:
            raise self.broken
        return await super().find(digest)

    async def used(self, key_id: str, *, at: float, digest: bytes | None = None) -> None:
        if self.broken is not None:
            raise self.broken
        self.uses.append(at)
        await super().used(key_id, at=at, digest=digest)


class Bench:
    """An authenticator with its store, and clocks that the test turns."""

    def __init__(self, *secrets: str, store: Counting | None = None, **settings: Any) -> None:
        self.store, self.seen, self.time = store or Counting(), Seen(), 1_000_000.0
        self.keys = ApiKeys(
            self.store,
            KeyRing(secrets or (NEW,)),
            ApiKeySettings(**settings),
            counters=MemoryStore(now=lambda: self.time),
            emit=self.seen,
            now=lambda: self.time,
            ticks=lambda: self.time,
        )

    async def mint(self, **how: Any) -> MintedKey:
        return await self.keys.mint("ada", **{"scopes": ["read"], "within": ["read", "write"], **how})

    async def who(self, *headers: tuple[bytes, bytes], query: bytes = b"") -> Principal | None:
        asking = exchange(headers=[(b"host", b"localhost"), *headers])
        asking.scope["query_string"] = query
        found = self.keys(asking)
        caller = await found if isinstance(found, Awaitable) else found
        await self.keys.close()
        return caller

    async def with_key(self, key: str | bytes) -> Principal | None:
        return await self.who((b"x-api-key", key if isinstance(key, bytes) else key.encode()))


def text(minted: MintedKey) -> str:
    return minted.key.get_secret_value()


@pytest.mark.parametrize(
    "place", [(b"x-api-key", b"%s"), (b"authorization", b"Bearer %s"), (b"authorization", b"bEARER  %s")]
)
async def test_a_key_gives_its_owner_with_the_scopes_as_permissions_and_no_role(place: tuple[bytes, bytes]) -> None:
    bench = Bench()
    minted = await bench.mint()

    caller = await bench.who((place[0], place[1] % text(minted).encode()))

    assert caller is not None
    assert (caller.id, caller.permissions, caller.roles) == ("ada", frozenset({"read"}), frozenset[str]())
    assert (caller.scheme, caller.token, caller.authenticated_at) == ("apikey", minted.record.id, 0.0)
    assert caller.expires_at == bench.time + 365 * 86_400


async def test_a_key_is_its_prefix_and_256_bits_and_a_checksum() -> None:
    keys = [text(await Bench().mint()) for _ in range(200)]

    assert all(re.fullmatch(r"fast_live_[0-9A-Za-z]{49}", key) for key in keys)
    assert len(set(keys)) == 200
    # The first digits of 256 and of 32 bits in base 62 take few values; every other place takes them all.
    assert all(len({key[place] for key in keys}) > 25 for place in range(11, 59) if place != 53)


def test_the_checksum_is_the_crc_of_everything_before_it_in_base_62() -> None:
    key = KeyText("fast_live").new()
    digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

    number = 0
    for digit in key[-6:]:
        number = number * 62 + digits.index(digit)
    assert number == zlib.crc32(key[:-6].encode())


async def test_a_typo_is_refused_without_asking_the_store() -> None:
    bench = Bench()
    key = text(await bench.mint())
    wrong = [
        *(key[:place] + ("a" if key[place] != "a" else "b") + key[place + 1 :] for place in range(10, len(key))),
        key[:-1], key + "0", key.swapcase(), key.replace("live", "test"), key[:20] + key[21] + key[20] + key[22:] + "x",
        "", " ", "fast_live_", "fast_live_" + "0" * 49, "x" * 100_000, key + "\n", " " + key, "\xff" * 59, "fast_live_" + "é" * 49,
    ]  # fmt: skip

    for each in wrong:
        with pytest.raises(InvalidApiKey):
            await bench.with_key(each.encode("latin-1"))
    assert bench.store.asked == 0
    assert (await bench.with_key(key)) is not None


async def test_unknown_disabled_expired_and_mistyped_keys_look_alike() -> None:
    bench = Bench()
    stranger, off, over = text(await Bench().mint()), await bench.mint(), await bench.mint(days=1)
    await bench.store.disable(off.record.id)
    bench.time += 86_400

    refusals = []
    for key in (stranger, text(off), text(over), "fast_live_x"):
        with pytest.raises(InvalidApiKey) as refusal:
            await bench.with_key(key)
        refusals.append(refusal.value)

    assert {(r.status, r.code, r.public, str(r.headers)) for r in refusals} == {
        (401, "invalid_api_key", "The API key is not valid.", "{'WWW-Authenticate': 'APIKey'}")
    }
    assert [r.reason for r in refusals] == [
        "unknown", f"{off.record.id} is disabled", f"{over.record.id} has expired", "not written as a key",
    ]  # fmt: skip
    assert all(text(minted) not in r.reason for minted in (off, over) for r in refusals)


async def test_in_the_authorization_header_the_challenge_is_that_of_bearer() -> None:
    with pytest.raises(InvalidApiKey) as refusal:
        await Bench().who((b"authorization", b"Bearer fast_live_x"))

    assert refusal.value.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'


@pytest.mark.parametrize(
    "headers",
    [(), ((b"authorization", b"Bearer eyJhbGciOiJFUzI1NiJ9.e30.x"),), ((b"authorization", b"Basic fast_live_x"),),
     ((b"x-api-key-id", b"fast_live_x"),), ((b"cookie", b"x-api-key=fast_live_x"),)],
)  # fmt: skip
async def test_other_credentials_are_nobody_and_no_error(headers: Any) -> None:
    bench = Bench()

    assert await bench.who(*headers) is None
    assert bench.keys.carrier(exchange(headers=headers)) is None


async def test_a_key_in_the_query_is_not_read() -> None:
    bench = Bench()
    key = text(await bench.mint()).encode()

    assert await bench.who(query=b"api_key=" + key + b"&x-api-key=" + key + b"&access_token=" + key) is None
    assert bench.store.asked == 0


async def test_a_repeated_header_is_refused_even_when_the_values_agree() -> None:
    bench = Bench()
    key = text(await bench.mint()).encode()

    for name, value in ((b"x-api-key", key), (b"authorization", b"Bearer " + key)):
        for first in (value, b"other"):
            with pytest.raises(BadRequest):
                await bench.who((name, first), (name, value))
    assert bench.store.asked == 0


async def test_a_key_in_each_header_is_refused_and_each_place_names_itself() -> None:
    bench = Bench()
    key = text(await bench.mint()).encode()
    header, bearer = (b"x-api-key", key), (b"authorization", b"Bearer " + key)

    with pytest.raises(TwoIdentities):
        await bench.who(header, bearer)
    assert await bench.who(header, (b"authorization", b"Basic YTpi")) is not None
    assert bench.keys.carrier(exchange(headers=[header])) == "x-api-key"
    assert bench.keys.carrier(exchange(headers=[bearer])) == "authorization"


async def test_either_place_can_be_turned_off() -> None:
    only_header, only_bearer = Bench(bearer=False, header="X-Acme-Key"), Bench(header="")
    one, two = text(await only_header.mint()).encode(), text(await only_bearer.mint()).encode()

    assert await only_header.who((b"authorization", b"Bearer " + one)) is None
    assert await only_header.who((b"x-acme-key", one)) is not None
    assert await only_bearer.who((b"x-api-key", two), (b"", two)) is None
    assert await only_bearer.who((b"authorization", b"Bearer " + two)) is not None


async def test_a_revoked_key_is_refused_within_a_second_and_at_once_where_it_is_forgotten() -> None:
    bench = Bench()
    here, elsewhere = await bench.mint(), await bench.mint()
    for minted in (here, elsewhere):
        assert await bench.with_key(text(minted)) is not None
        await bench.store.remove(minted.record.id)

    bench.keys.forget(here.record.id)
    with pytest.raises(InvalidApiKey):
        await bench.with_key(text(here))
    bench.time += 0.99
    assert await bench.with_key(text(elsewhere)) is not None
    bench.time += 0.01
    with pytest.raises(InvalidApiKey):
        await bench.with_key(text(elsewhere))


async def test_a_slow_answer_of_the_store_does_not_lengthen_that_second() -> None:
    bench = Bench()
    minted = await bench.mint()

    class Slow(Counting):
        async def find(self, digest: bytes) -> ApiKey | None:
            found = await super().find(digest)
            bench.time += 0.9
            return found

    slow = Slow()
    await slow.add(minted.record)
    bench.keys._store = slow
    assert await bench.with_key(text(minted)) is not None
    await slow.remove(minted.record.id)

    bench.time += 0.1
    with pytest.raises(InvalidApiKey):
        await bench.with_key(text(minted))


async def test_the_store_is_asked_once_a_second_and_what_is_remembered_is_bounded() -> None:
    bench = Bench(per_key="")
    key = text(await bench.mint())
    for _ in range(50):
        await bench.with_key(key)
    assert bench.store.asked == 1

    for _ in range(4200):
        await bench.with_key(text(await bench.mint()))
    assert len(bench.keys._known) == 4096

    forged = [KeyText("fast_live").new() for _ in range(100)]
    for each in forged:
        with pytest.raises(InvalidApiKey):
            await bench.with_key(each)
    assert len(bench.keys._known) == 4096


async def test_expiry_counts_for_a_remembered_key_too() -> None:
    bench = Bench()
    minted = await bench.mint(days=1)
    bench.time = (minted.record.expires_at or 0) - 0.5

    assert await bench.with_key(text(minted)) is not None
    bench.time += 0.5
    with pytest.raises(InvalidApiKey):
        await bench.with_key(text(minted))


async def test_keys_outlive_the_rotation_of_the_secret_and_move_to_the_newer_one_when_used() -> None:
    store = Counting()
    minted = await Bench(OLD, store=store).mint()
    both = Bench(OLD, NEW, store=store)

    assert await both.with_key(text(minted)) is not None
    assert store.asked == 2
    assert await Bench(NEW, store=store).with_key(text(minted)) is not None
    with pytest.raises(InvalidApiKey):
        await Bench(OLD, store=store).with_key(text(minted))


async def test_without_the_secret_the_stored_digest_tells_nothing() -> None:
    bench = Bench()
    minted = await bench.mint()

    with pytest.raises(InvalidApiKey):
        await Bench("another secret of 32 bytes, surely", store=bench.store).with_key(text(minted))
    with pytest.raises(InvalidApiKey):
        await bench.with_key(minted.record.digest.hex())


async def test_nothing_that_prints_holds_the_key_and_the_record_holds_no_secret_character() -> None:
    minted = await Bench().mint(name="build server")
    secret = text(minted)[10:-6]

    assert secret not in repr(minted) + str(minted) + repr(minted.record.digest)
    assert minted.record.hint == f"fast_live_...{text(minted)[-4:]}"
    assert str(minted.record.digest) not in repr(minted.record)


async def test_the_last_use_is_written_once_a_minute_and_never_stands_in_the_way() -> None:
    bench = Bench()
    minted = await bench.mint()
    began = bench.time
    for _ in range(130):
        await bench.with_key(text(minted))
        bench.time += 1

    assert bench.store.uses == [began, began + 60, began + 120]
    (stored,) = await bench.store.of("ada")
    assert stored.last_used_at == began + 120


async def test_a_store_that_fails_or_hangs_lets_nobody_in_and_is_one_event() -> None:
    bench = Bench()
    key = text(await bench.mint())
    bench.store.broken = OSError("postgresql://user:hunter2@db")
    bench.seen.clear()

    for _ in range(3):
        with pytest.raises(Unavailable) as refusal:
            await bench.with_key(key)
        assert "hunter2" not in str(refusal.value)
    assert [(str(e.type), e.reason) for e in bench.seen] == [("sys_store_down", "api keys: OSError")]

    bench.store.broken = None
    assert await bench.with_key(key) is not None

    class Hanging(Counting):
        async def find(self, digest: bytes) -> ApiKey | None:
            await asyncio.Event().wait()
            return None

    hanging = ApiKeys(Hanging(), KeyRing([NEW]), timeout=0.01)
    found = hanging(exchange(headers=[(b"x-api-key", key.encode())]))
    assert isinstance(found, Awaitable)
    with pytest.raises(Unavailable):
        await found


async def test_a_key_has_a_limit_that_refills_and_its_own_where_it_was_given_one() -> None:
    bench = Bench(per_key="4/minute")
    usual, narrow, other = await bench.mint(), await bench.mint(rate=Rate.parse("1/hour")), await bench.mint()

    for minted, allowed in ((usual, 4), (narrow, 1)):
        for _ in range(allowed):
            assert await bench.with_key(text(minted)) is not None
        for _ in range(3):
            with pytest.raises(TooManyRequests) as refusal:
                await bench.with_key(text(minted))
        assert int(refusal.value.headers["Retry-After"]) in {15, 3600}
    assert bench.seen.types.count("excess_rate_limit_exceeded") == 2
    assert await bench.with_key(text(other)) is not None

    bench.time += 15
    assert await bench.with_key(text(usual)) is not None
    with pytest.raises(TooManyRequests):
        await bench.with_key(text(usual))


async def test_a_key_never_grows_beyond_who_makes_it() -> None:
    bench = Bench()

    for scopes in (["admin"], ["read", "admin"]):
        with pytest.raises(InsufficientScope):
            await bench.mint(scopes=scopes)
    with pytest.raises(InsufficientScope):
        await bench.mint(within=[])
    for days in (0, -1, 366):
        with pytest.raises(ValueError, match="one day to 365"):
            await bench.mint(days=days)
    for wrong in ({"scopes": ["two words"]}, {"scopes": [""]}, {"name": "a\nb"}, {"name": "x" * 101}):
        with pytest.raises(ValueError, match=r"scope|name"):
            await bench.mint(**{"within": wrong.get("scopes", ["read"]), **wrong})
    assert await bench.store.of("ada") == []

    assert (await bench.mint(scopes=[])).record.scopes == frozenset()
    assert bench.seen.types == ["authn_token_created"]


async def test_keys_of_an_older_prefix_are_still_good_and_new_ones_have_the_new_prefix() -> None:
    store = Counting()
    old = text(await Bench(prefix="acme", store=store).mint())
    renamed = Bench(prefix="acme_live", older_prefixes=("acme",), store=store)

    assert await renamed.with_key(old) is not None
    assert text(await renamed.mint()).startswith("acme_live_")
    with pytest.raises(InvalidApiKey):
        await Bench(prefix="acme_live", store=store).with_key(old)


@pytest.mark.parametrize(
    "settings",
    [{"prefix": ""}, {"prefix": "Fast"}, {"prefix": "fast_"}, {"prefix": "f st"}, {"older_prefixes": ("é",)},
     {"header": "authorization"}, {"header": "x key"}, {"header": "cookie"}, {"header": "", "bearer": False}],
)  # fmt: skip
def test_settings_that_lose_keys_stop_the_start(settings: dict[str, Any]) -> None:
    with pytest.raises(UnsafeConfiguration):
        ApiKeys(MemoryApiKeys(), KeyRing([NEW]), ApiKeySettings(**settings))
