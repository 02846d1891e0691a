"""The list of accounts is stable while others are added, and every hot statement walks an index."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from accounts.plans import SCANS, plans
from fastness.accounts.models import AccountPage, InvalidCursor, Work
from fresh_database import fresh_url
from models_on import AccountDatabase, add, models_on, signed_in

pytestmark = [pytest.mark.anyio, pytest.mark.store]


@pytest.fixture(params=["sqlite", "postgresql"])
async def db(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[AccountDatabase]:
    async with fresh_url(request.param, tmp_path) as url, models_on(url) as database:
        yield database


async def page(db: AccountDatabase, **given: Any) -> AccountPage:
    async with db.read() as work:
        return await work.users.page(**given)


async def walk(db: AccountDatabase, **given: Any) -> list[str]:
    """Every address, cursor by cursor."""
    found: list[str] = []
    after = None
    while True:
        at = await page(db, after=after, **given)
        found += [account.canonical for account in at.items]
        if at.next is None:
            return found
        after = at.next


async def named(db: AccountDatabase, address: str, name: str) -> None:
    async with db.write() as work:
        await work.users.add(email=address, canonical=address, name=name, password_hash=None, now=1.0)


async def test_cursors_visit_everybody_once_even_while_others_come_and_go(db: AccountDatabase) -> None:
    addresses = [f"{i:03}@example.com" for i in range(25)]
    for address in addresses:
        await add(db, address)

    first = await page(db, limit=10)
    gone = first.items[9]
    async with db.write() as work:
        await work.users.delete(gone.id)
    await add(db, "000a@example.com")
    second = await page(db, limit=10, after=first.next)
    third = await page(db, limit=10, after=second.next)

    assert [a.canonical for a in (*first.items, *second.items, *third.items)] == addresses
    assert (first.total, third.next) == (25, None)


async def test_page_numbers_and_cursors_show_the_same_order(db: AccountDatabase) -> None:
    for i in range(12):
        await add(db, f"{i:03}@example.com")

    by_number = [a.canonical for n in (1, 2, 3, 4) for a in (await page(db, limit=5, page=n)).items]

    assert by_number == await walk(db, limit=5) == [f"{i:03}@example.com" for i in range(12)]


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
async def test_search_finds_prefixes_of_addresses_first_and_then_of_names(db: AccountDatabase, limit: int) -> None:
    await named(db, "zoe@example.com", "Ann Zed")
    await named(db, "ann@example.com", "Zoe")
    await named(db, "anna@example.com", "anna")
    await named(db, "bob@example.com", "ANN Other")
    await named(db, "joann@example.com", "Jo Ann")
    await named(db, "cid@example.com", "Ann Zed")

    everything = await walk(db, limit=limit, search="ann")
    numbered = [a.canonical for n in range(1, 7) for a in (await page(db, limit=limit, page=n, search="ann")).items]
    total = (await page(db, limit=limit, search="ann")).total

    assert everything[:3] == ["ann@example.com", "anna@example.com", "bob@example.com"]
    assert sorted(everything[3:]) == ["cid@example.com", "zoe@example.com"]
    assert total == 5
    assert numbered == everything[: len(numbered)]
    assert await walk(db, limit=limit, search="ANN O") == ["bob@example.com"]


@pytest.mark.parametrize(
    "hostile", ["%", "_", "%%", "a%", "' OR '1'='1", "\\", "\0", "\ud800", "\U0010ffff", "é" * 999]
)
async def test_a_hostile_search_finds_what_begins_with_it_and_that_is_nobody(db: AccountDatabase, hostile: str) -> None:
    await add(db, "ada@example.com")

    assert (await page(db, limit=10, search=hostile)).items == ()


async def test_addresses_are_ordered_byte_by_byte_so_that_a_prefix_is_a_range(db: AccountDatabase) -> None:
    for address in ("an-na@x", "an.na@x", "anna@x", "an_z@x", "Anna@x", "ana@x"):
        await add(db, address)

    assert await walk(db, limit=2) == sorted(("an-na@x", "an.na@x", "anna@x", "an_z@x", "Anna@x", "ana@x"))
    assert (await page(db, limit=9, search="an-")).total == 1


@pytest.mark.parametrize(
    "forged",
    ["", "x", "e", "é", "bnVsbA", "WyJlIl0", "WyJuIiwiYSIsIiJd", "WyJlIiwiXHUwMDAwIiwiIl0", "[" * 9999, "W" * 99],
)
async def test_a_cursor_that_is_not_ours_is_refused(db: AccountDatabase, forged: str) -> None:
    with pytest.raises(InvalidCursor):
        await page(db, limit=10, after=forged)


async def test_a_cursor_of_a_list_is_none_of_a_search(db: AccountDatabase) -> None:
    for i in range(3):
        await add(db, f"{i}@example.com")
    cursor = (await page(db, limit=1)).next

    with pytest.raises(InvalidCursor):
        await page(db, limit=1, after=cursor, search="1")


async def test_page_numbers_end_at_ten_thousand_and_totals_too(db: AccountDatabase) -> None:
    await many(db, 10_001)

    with pytest.raises(ValueError, match="cursor"):
        await page(db, limit=100, page=101)
    last = await page(db, limit=100, page=100)
    assert len(last.items) == 100
    assert last.next is not None
    assert last.total is None
    assert len((await page(db, limit=100, after=last.next)).items) == 1


async def test_every_hot_statement_walks_an_index(db: AccountDatabase) -> None:
    await many(db, 20_000)
    await belongings_of_everybody(db)
    ada = await add(db, "ada@example.com", role="admin", verified=True)
    token = (await signed_in(db, ada)).refresh_token
    first = await page(db, limit=20)
    in_names = await page(db, limit=20, search="name")
    deep = (await page(db, limit=20, page=500)).next

    hot: dict[str, Callable[[Work], Awaitable[object]]] = {
        "by_email": lambda w: w.users.by_email("ada@example.com"),
        "by_id": lambda w: w.users.by_id(ada.id),
        "page": lambda w: w.users.page(limit=20, after=first.next),
        "deep page": lambda w: w.users.page(limit=20, after=deep),
        "search": lambda w: w.users.page(limit=20, search="user1999"),
        "search names": lambda w: w.users.page(limit=20, search="name 1999"),
        "search names on": lambda w: w.users.page(limit=20, search="name", after=in_names.next),
        "rotate": lambda w: w.sessions.rotate(token, now=2.0, grace=10, idle=10),
        "sessions of a user": lambda w: w.sessions.list(ada.id, now=2.0),
        "close all": lambda w: w.sessions.close_all(ada.id, now=2.0),
        "admins": lambda w: w.users.admins(),
        "delete": lambda w: w.users.delete(ada.id),
        "device": lambda w: w.devices.known(ada.id, "x", now=1.0),
        "code": lambda w: w.codes.redeem_token("v", "x", now=1.0),
        "digits": lambda w: w.codes.redeem_digits("v", "x", "12345678", now=1.0),
        "revocations": lambda w: w.revocations.since(10**6),
    }
    for name, act in hot.items():
        for plan in await plans(db, act):
            # Tables of few rows are read whole, and rightly so; those that grow with the users must not be.
            assert not any(f"{scan} {table}" in plan for scan in SCANS for table in GROWING), f"{name}:\n{plan}"
            if "page" in name or "search" in name:
                assert "TEMP B-TREE" not in plan, f"{name}:\n{plan}"
                assert "Sort" not in plan, f"{name}:\n{plan}"


GROWING = ("users", "fastness_sessions", "fastness_codes", "fastness_devices", "fastness_revocations")


async def many(db: AccountDatabase, count: int) -> None:
    """`count` users in one statement."""
    numbers = {
        "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :count)",
        "postgresql": "WITH n(i) AS (SELECT generate_series(1, :count))",
    }[db.engine.dialect.name]
    key = {"sqlite": "lower(hex(randomblob(16)))", "postgresql": "gen_random_uuid()"}[db.engine.dialect.name]
    async with db.transaction() as connection:
        await connection.execute(
            text(
                "INSERT INTO users (id, email, email_canonical, name, created_at) "
                f"{numbers} SELECT {key}, 'user' || i || '@x', 'user' || i || '@x', 'Name ' || i, 1.0 FROM n"
            ).execution_options(sql_literals="constants of this test"),
            {"count": count},
        )
        await connection.execute(text("ANALYZE"))


async def belongings_of_everybody(db: AccountDatabase) -> None:
    """A session, a device, a code and a revocation for each user."""
    random = {"sqlite": "randomblob(32)", "postgresql": "sha256(id::text::bytea)"}[db.engine.dialect.name]
    name = {"sqlite": "substr(id, 1, 32)", "postgresql": "left(id::text, 32)"}[db.engine.dialect.name]
    async with db.transaction() as connection:
        for statement in (
            (
                "fastness_sessions (id, user_id, family, current, created_at, authenticated_at, last_used_at, "
                "idle_expires_at, expires_at, address, agent, methods) "
                f"SELECT {name}, id, {random}, {random}, 1, 1, 1, 1000, 1000, '', '', 'pwd'"
            ),
            f"fastness_devices (token, user_id, created_at, expires_at) SELECT {random}, id, 1, 1000",
            (
                "fastness_codes (token, purpose, user_id, canonical, flow, digits, tries_left, expires_at) "
                f"SELECT {random}, 'v', id, '', {random}, {random}, 5, 1000"
            ),
            f"fastness_revocations (kind, subject, until) SELECT 'session', {name}, 1000",
        ):
            insert = text(f"INSERT INTO {statement} FROM users")
            await connection.execute(insert.execution_options(sql_literals="constants of this test"))
        await connection.execute(text("ANALYZE"))
