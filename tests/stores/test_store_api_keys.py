"""API keys in a real database: what was kept comes back, and whoever asks next sees what was changed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from by_hand import exchange
from fastness.controls.apikeys import ApiKeys, InvalidApiKey
from fastness.core.api_keys import ApiKey
from fastness.core.keys import KeyRing
from fastness.core.principal import Principal
from fastness.core.store import Rate
from fastness.stores.api_keys import SqlApiKeys
from fastness.stores.sql import engine_for
from fresh_database import fresh_url, strict

pytestmark = [pytest.mark.anyio, pytest.mark.store]

KEY = ApiKey(
    id="key_1", owner="ada", digest=bytes(range(32)), scopes=frozenset({"b:write", "a:read"}), name="Büro", hint="f_...x",
    created_at=1.25, expires_at=9.5, rate=Rate(7, 1.5), last_used_at=None,
)  # fmt: skip


@pytest.fixture(params=["sqlite", "postgresql"])
async def url(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[str]:
    async with fresh_url(request.param, tmp_path) as found:
        yield found


@pytest.fixture
async def store(url: str) -> AsyncIterator[SqlApiKeys]:
    found = SqlApiKeys(engine_for(url))
    await found.create_tables()
    await found.create_tables()
    yield found
    await found.close()


async def test_what_was_kept_comes_back_whole(store: SqlApiKeys) -> None:
    bare = ApiKey(id="key_2", owner="ada", digest=b"\xff" * 32, created_at=2.0)
    await store.add(KEY)
    await store.add(bare)

    assert await store.find(KEY.digest) == KEY
    assert await store.find(bare.digest) == bare
    assert await store.find(b"\0" * 32) is None
    assert await store.of("ada") == [KEY, bare]
    assert await store.of("eve") == []


async def test_a_key_is_used_and_disabled_at_once_on_a_database_that_prefers_serializable(tmp_path: Path) -> None:
    async with fresh_url("postgresql", tmp_path) as url:
        await strict(url)
        store = SqlApiKeys(engine_for(url))
        await store.create_tables()
        await store.add(KEY)

        await asyncio.gather(*(store.used(KEY.id, at=float(n)) for n in range(40)), store.disable(KEY.id))
        found = await store.find(KEY.digest)
        await store.close()

    assert found is not None
    assert found.disabled


async def test_a_second_key_with_the_same_digest_or_id_is_refused(store: SqlApiKeys) -> None:
    await store.add(KEY)

    for twin in (ApiKey(id="key_2", owner="eve", digest=KEY.digest), ApiKey(id="key_1", owner="eve", digest=b"x" * 32)):
        with pytest.raises(IntegrityError):
            await store.add(twin)
    assert await store.of("eve") == []


async def test_use_and_rotation_change_that_key_alone(store: SqlApiKeys) -> None:
    other = ApiKey(id="key_2", owner="ada", digest=b"o" * 32)
    await store.add(KEY)
    await store.add(other)

    await store.used("key_1", at=7.0)
    await store.used("key_1", at=8.0, digest=b"n" * 32)
    await store.used("nobody's", at=9.0, digest=b"m" * 32)

    moved = await store.find(b"n" * 32)
    assert moved is not None
    assert (moved.id, moved.last_used_at) == ("key_1", 8.0)
    assert await store.find(KEY.digest) is None
    assert await store.find(other.digest) == other


async def test_disabling_and_removing_are_seen_by_every_process(store: SqlApiKeys, url: str) -> None:
    neighbour = SqlApiKeys(engine_for(url))
    keys = [ApiKey(id=f"key_{n}", owner="ada" if n < 3 else "eve", digest=bytes([n]) * 32) for n in range(4)]
    for key in keys:
        await store.add(key)

    assert await store.disable("key_0")
    assert await store.remove("key_1")
    assert not await store.disable("key_1")
    assert not await store.remove("key_1")
    assert await store.disable_of("ada") == 2
    seen = [await neighbour.find(key.digest) for key in keys]
    await neighbour.close()

    assert [key and key.disabled for key in seen] == [True, None, True, False]


async def test_the_authenticator_works_on_it_and_a_dump_holds_no_key(store: SqlApiKeys, url: str) -> None:
    keys = ApiKeys(store, KeyRing(["a secret of thirty-two bytes, yes"]))
    minted = [await keys.mint("ada", scopes=["read"], within=["read"]) for _ in range(20)]
    raw = [each.key.get_secret_value() for each in minted]

    async def who(key: str) -> Principal:
        found = keys(exchange(headers=[(b"x-api-key", key.encode())]))
        assert isinstance(found, Awaitable)
        caller: Principal = await found
        return caller

    assert {caller.id for caller in await asyncio.gather(*map(who, raw))} == {"ada"}
    await keys.close()
    assert all(key.last_used_at is not None for key in await store.of("ada"))
    await store.disable(minted[0].record.id)
    keys.forget(minted[0].record.id)
    with pytest.raises(InvalidApiKey):
        await who(raw[0])

    engine = engine_for(url)
    async with engine.connect() as connection:
        dump = str((await connection.execute(text("SELECT * FROM fastness_api_keys"))).all())
    await engine.dispose()
    assert not any(key[10:-6] in dump for key in raw)
