"""Devices, keys, revocations, leases, and what a thief of the whole database holds."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import select

from fastness.accounts.models import Rotated, StoredKey, default_models
from fastness.core.api_keys import ApiKey
from fresh_database import fresh_url
from models_on import AccountDatabase, add, at_once, models_on, signed_in

pytestmark = [pytest.mark.anyio, pytest.mark.store]


@pytest.fixture(params=["sqlite", "postgresql"])
async def db(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[AccountDatabase]:
    async with fresh_url(request.param, tmp_path) as url, models_on(url) as database:
        yield database


async def test_a_device_is_known_to_its_user_only_and_for_its_time(db: AccountDatabase) -> None:
    ada, eve = await add(db, "ada@example.com"), await add(db, "eve@example.com")
    async with db.write() as work:
        token = await work.devices.remember(ada.id, now=1.0, ttl=10)
        assert token is not None

    async with db.read() as work:
        assert await work.devices.known(ada.id, token, now=10.9)
        assert not await work.devices.known(ada.id, token, now=11.0)
        assert not await work.devices.known(eve.id, token, now=2.0)
        assert not await work.devices.known("no key", token, now=2.0)
        assert not await work.devices.known(ada.id, "\ud800\0", now=2.0)


async def test_a_user_keeps_the_newest_fifty_devices(db: AccountDatabase) -> None:
    ada = await add(db, "ada@example.com")
    async with db.write() as work:
        tokens = [await work.devices.remember(ada.id, now=float(i), ttl=1000) for i in range(53)]

    async with db.read() as work:
        known = [await work.devices.known(ada.id, token or "", now=60.0) for token in tokens]
    assert known == [False] * 3 + [True] * 50


async def test_signing_keys_come_back_in_the_order_they_become_active(db: AccountDatabase) -> None:
    async with db.write() as work:
        assert await work.keys.add(kid="b", alg="ES256", sealed="x", now=1.0, activates_at=60.0)
        assert await work.keys.add(kid="a", alg="ES256", sealed="y", now=2.0, activates_at=2.0)
        assert not await work.keys.add(kid="a", alg="ES256", sealed="z", now=3.0, activates_at=3.0)
        assert await work.keys.retire("a", 100.0)
        assert not await work.keys.retire("c", 100.0)

        assert await work.keys.all() == (
            StoredKey("a", "ES256", "y", 2.0, 2.0, 100.0),
            StoredKey("b", "ES256", "x", 1.0, 60.0, None),
        )


async def test_a_reader_of_revocations_misses_none_while_many_are_written(db: AccountDatabase) -> None:
    seen: list[int] = []
    finished = asyncio.Event()

    async def write(i: int) -> None:
        async with db.write() as work:
            await work.revocations.add("session", f"s{i}", 100.0)
            # Let others take their numbers before this one commits.
            for _ in range(i * 7 % 11):
                await work.leases.live(0.0)

    async def follow(reader: AccountDatabase) -> None:
        while True:
            last = finished.is_set()
            async with reader.read() as work:
                seen.extend(entry.seq for entry in await work.revocations.since(seen[-1] if seen else 0))
            if last:
                return

    # Of its own connections, so that it never queues behind the writers.
    async with models_on(db.engine.url.render_as_string(hide_password=False), tables=False) as reader:
        follower = asyncio.create_task(follow(reader))
        await at_once(100, write)
        finished.set()
        await follower

    assert len(seen) == 100
    assert seen == sorted(set(seen))


async def test_numbers_of_revocations_grow_even_after_a_purge(db: AccountDatabase) -> None:
    async with db.write() as work:
        first = await work.revocations.add("user", "u", 10.0, 3)
        assert await work.revocations.purge(10.0) == 1
        second = await work.revocations.add("token", "t", 20.0)

        assert second > first
        assert [(e.kind, e.subject, e.version) for e in await work.revocations.since(first)] == [("token", "t", None)]
        assert await work.revocations.since(0, now=20.0) == []


async def test_leases_count_the_live_workers(db: AccountDatabase) -> None:
    async with db.write() as work:
        await work.leases.hold("a", now=1.0, ttl=10)
        await work.leases.hold("b", now=1.0, ttl=10)
        await work.leases.hold("a", now=9.0, ttl=10)
        await work.leases.hold("c", now=9.0, ttl=10)
        await work.leases.release("c")

        assert await work.leases.live(5.0) == 2
        assert await work.leases.live(12.0) == 1


async def test_purge_deletes_what_is_over_and_nothing_else(db: AccountDatabase) -> None:
    ada = await add(db, "ada@example.com")
    live, over = await signed_in(db, ada, now=5000.0), await signed_in(db, ada, now=1.0)
    async with db.write() as work:
        for now in (1.0, 5000.0):
            await work.codes.put(purpose="v", user_id=ada.id, canonical="a", flow=str(now), now=now, ttl=600)
            await work.devices.remember(ada.id, now=now, ttl=600)
            await work.challenges.put(ada, form="refresh", now=now, ttl=600, tries=5)
            assert await work.passkeys.spends(lambda: now).put_once(str(now), "", ttl=600)  # noqa: B023 - used at once
            await work.leases.hold(str(now), now=now, ttl=600)
            await work.revocations.add("user", ada.id, now, 1)
            await work.outbox.put(str(now), "sealed", now=now - 86_400, ttl=600, capacity=None)
            digest = str(now).encode().ljust(32)
            await work.api_keys.add(ApiKey(str(now), ada.id, digest, created_at=now, expires_at=now + 600))
            await work.keys.add(kid=str(now), alg="ES256", sealed="x", now=now, activates_at=now)
        await work.keys.retire("1.0", 600.0)

    async with db.write() as work:
        gone = {table: await work.purge(table, 4000.0) for table in work.purges}
        again = {table: await work.purge(table, 4000.0) for table in work.purges}
        left = await work.sessions.list(ada.id, now=0.0)
        assert over.session_id != live.session_id

    assert set(gone.values()) == {1}
    assert set(again.values()) == {0}
    assert [session.id for session in left] == [live.session_id]


async def test_a_dump_of_every_table_holds_no_usable_token_or_code(db: AccountDatabase) -> None:
    ada = await add(db, "ada@example.com")
    opened = await signed_in(db, ada)
    async with db.write() as work:
        rotated = await work.sessions.rotate(opened.refresh_token, now=2.0, grace=10, idle=10)
        assert isinstance(rotated, Rotated)
        device = await work.devices.remember(ada.id, now=1.0, ttl=10)
        code = await work.codes.put(purpose="verify", user_id=ada.id, canonical="a", flow="secret flow", now=1.0, ttl=9)
        assert device
        assert code

    async with db.engine.connect() as connection:
        rows = [
            value
            for table in default_models().metadata.sorted_tables
            for row in await connection.execute(select(table))
            for value in row
        ]

    stored = [value if isinstance(value, bytes) else str(value).encode() for value in rows]
    secrets = [opened.refresh_token, rotated.refresh_token, device, code.token, code.digits, "secret flow"]
    for secret in secrets:
        assert not any(secret.encode() in value for value in stored)
    # Eight digits are quickly searched: their plain digest would be as good as the digits.
    assert hashlib.sha256(code.digits.encode()).digest() not in stored
    async with db.write() as work:
        for value in stored:
            text = value.decode("latin-1")
            assert await work.codes.redeem_token("verify", text, now=2.0) is None
            assert not await work.devices.known(ada.id, text, now=2.0)
            assert await work.sessions.rotate(text, now=2.0, grace=10, idle=10) is None
