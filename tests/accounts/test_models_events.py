"""Every question about stored events walks an index, however many there are."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from sqlalchemy import text

from accounts.chained import START, chain_of
from accounts.plans import SCANS, plans
from fastness.accounts.flows.history import SHOWN
from fastness.accounts.models import Work
from models_on import AccountDatabase, models_on

pytestmark = pytest.mark.anyio


@pytest.fixture
async def db(url: str) -> AsyncIterator[AccountDatabase]:
    async with models_on(url) as database:
        yield database


async def test_every_statement_about_events_walks_an_index_in_its_order(db: AccountDatabase) -> None:
    await chain_of(db, 20_000)
    async with db.transaction() as connection:
        await connection.execute(text("ANALYZE"))

    asked: dict[str, Callable[[Work], Awaitable[object]]] = {
        "newest": lambda w: w.events.newest(),
        "mac": lambda w: w.events.mac(7),
        "after": lambda w: w.events.after(10_000, most=100),
        "since": lambda w: w.events.after(10_000, most=100, since=START + 12_000),
        "first since": lambda w: w.events.first_since(START + 19_900),
        "all": lambda w: w.events.page(before=15_000, most=20),
        "one account": lambda w: w.events.page(before=15_000, most=20, who="ada"),
        "own": lambda w: w.events.page(before=15_000, most=20, who="ada", types=SHOWN),
        "erase": lambda w: w.events.to_erase("nobody", most=100),
        "delete": lambda w: w.events.delete(100),
    }
    for name, act in asked.items():
        for plan in await plans(db, act):
            assert not any(f"{scan} fastness_events" in plan for scan in SCANS), f"{name}:\n{plan}"
            assert "TEMP B-TREE" not in plan, f"{name}:\n{plan}"
            assert "Sort" not in plan, f"{name}:\n{plan}"
