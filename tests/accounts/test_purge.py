"""Old events go in small batches and what stays verifies; nothing that somebody made look old goes."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import event

from accounts.chained import START, chain_of, ledger, meddle, rows_of
from accounts.serving import Clock, Served, serving
from fastness.accounts.audit import Broken, Intact, verify
from fastness.accounts.models.work import PURGED
from fastness.accounts.purge import purge
from models_on import AccountDatabase, at_once, models_on

pytestmark = pytest.mark.anyio


@pytest.fixture
async def db(url: str) -> AsyncIterator[AccountDatabase]:
    async with models_on(url) as database:
        yield database


def deletes_of(served: Served) -> list[str]:
    """The deletions of events from now on."""
    said: list[str] = []

    def listen(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith("DELETE FROM fastness_events"):
            said.append(statement)

    event.listen(served.service.db.engine.sync_engine, "before_cursor_execute", listen)
    return said


async def events_gone(db: AccountDatabase, *, now: float, keep: float = 0.0, broken: bool = False) -> int:
    return (await purge(db, now=now, ledger=ledger(), keep=keep, broken=broken))["fastness_events"]


async def test_what_is_older_than_its_days_goes_and_the_rest_verifies(db: AccountDatabase) -> None:
    await chain_of(db, 3500)

    gone = await events_gone(db, now=START + 3000, keep=500)
    again = await events_gone(db, now=START + 3000, keep=500)

    assert (gone, again) == (2501, 0)
    found = await verify(db, ledger())
    assert isinstance(found, Intact)
    assert (found.first, found.last) == (2502, 3500)
    await chain_of(db, 5)
    assert isinstance(await verify(db, ledger()), Intact)


async def test_the_newest_event_stays_whatever_its_age(db: AccountDatabase) -> None:
    await chain_of(db, 7)

    gone = await events_gone(db, now=START + 10**9)

    assert gone == 6
    found = await verify(db, ledger())
    assert isinstance(found, Intact)
    assert (found.first, found.last) == (7, 7)


async def test_two_purges_beside_a_writer_take_each_row_once(url: str) -> None:
    async with models_on(url) as db, models_on(url, tables=False) as other:
        await chain_of(db, 4000)

        async def act(i: int) -> int:
            if i == 2:
                for n in range(20):
                    await chain_of(db, 10, at=START + 10**6 + n)
                return 0
            return await events_gone((db, other)[i], now=START + 3499)

        gone = await at_once(3, act)

        found = await verify(db, ledger())
    assert sum(gone) == 3500
    assert isinstance(found, Intact)
    assert (found.first, found.last) == (3501, 4200)


@pytest.mark.parametrize(
    "change",
    ["UPDATE fastness_events SET at = 1 WHERE seq BETWEEN 5 AND 8", "DELETE FROM fastness_events WHERE seq = 5"],
)
async def test_a_purge_covers_up_for_nobody(db: AccountDatabase, change: str, caplog: pytest.LogCaptureFixture) -> None:
    await chain_of(db, 9)
    await meddle(db, change)

    with caplog.at_level(logging.CRITICAL, "fastness.accounts"):
        gone = await events_gone(db, now=START + 10**6)

    assert gone == 4
    assert "event 5 is not as" in caplog.text or "event 6 is not as" in caplog.text
    found = await verify(db, ledger())
    assert isinstance(found, Broken)
    assert found.seq == 5
    assert await events_gone(db, now=START + 10**6, broken=True) >= 3
    assert isinstance(await verify(db, ledger()), Intact)


async def test_a_base_that_somebody_made_is_not_sealed_by_a_purge(db: AccountDatabase) -> None:
    await chain_of(db, 9)
    await meddle(
        db,
        "INSERT INTO fastness_event_marks SELECT 'base', 3, e.mac, m.key, m.seal FROM fastness_event_marks m, "
        "fastness_events e WHERE e.seq = 3",
        "DELETE FROM fastness_events WHERE seq <= 3",
    )

    gone = await events_gone(db, now=START + 10**6)

    assert gone == 0
    assert await verify(db, ledger()) == Broken(3, "the base of the chain was changed")


async def test_the_service_purges_by_itself_and_never_more_than_a_thousand_rows_at_once(url: str) -> None:
    clock = Clock.at_rest()
    async with serving(url, clock=clock, events={"keep_days": 30}) as served:
        db, service = served.service.db, served.service
        await service.journal.settled()
        await chain_of(db, 2500, service.ledger, at=clock.wall())
        said = deletes_of(served)
        clock.ahead += 30 * 86_400 + 3000

        await service._purge()

        assert len(said) == 3
        rows = await rows_of(db)
        assert isinstance(await verify(db, service.ledger), Intact)
    assert len(rows) == 1
    assert PURGED == 1000


async def test_without_a_ledger_events_stay(db: AccountDatabase) -> None:
    await chain_of(db, 9)

    gone = await purge(db, now=START + 10**6, ledger=None, keep=0)

    assert "fastness_events" not in gone
    assert len(await rows_of(db)) == 9
