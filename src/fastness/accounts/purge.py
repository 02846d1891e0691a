"""Purge: what is over goes, a thousand rows in one short transaction, beside running workers.

Events go from the oldest on, and the chain's base moves with them, so that what stays can still be verified. The newest
event always stays: it is what the head of the chain names.
"""

from __future__ import annotations

import asyncio
import logging

from fastness.accounts.db import Database
from fastness.accounts.ledger import FIRST, Ledger, UnknownKey
from fastness.accounts.models import Mark, StoredEvent, Work
from fastness.accounts.models.work import PURGED

EVENTS = "fastness_events"
_PAUSE = 0.03
"""Seconds between two full transactions: writers of other processes get their turn."""
_log = logging.getLogger("fastness.accounts")


async def purge(
    db: Database[Work], *, now: float, ledger: Ledger | None, keep: float, broken: bool = False
) -> dict[str, int]:
    """Delete what is over: how many rows went, by table.

    Args:
        now: Unix seconds.
        ledger: seals the new base of the chain; without one no event goes.
        keep: seconds for which events are kept.
        broken: events go even where their chain does not hold.

    Raises:
        Unavailable: the database does not answer; what went is gone.
    """
    gone: dict[str, int] = {}
    async with db.read() as work:
        tables = tuple(work.purges)
    for table in tables:
        gone[table] = 0
        while True:
            async with db.write() as work:
                some = await work.purge(table, now)
            gone[table] += some
            if some < PURGED:
                break
            await asyncio.sleep(_PAUSE)
    if ledger is not None:
        gone[EVENTS] = 0
        while some := await _some_events(db, ledger, before=now - keep, broken=broken):
            gone[EVENTS] += some
            await asyncio.sleep(_PAUSE)
    return gone


async def _some_events(db: Database[Work], ledger: Ledger, *, before: float, broken: bool) -> int:
    # Looked at before the transaction: rows never change, and nobody waits meanwhile.
    async with db.read() as work:
        head, base = await work.events.mark("head"), await work.events.mark("base")
        start = (0, FIRST) if base is None else (base.seq, base.mac)
        rows = await work.events.after(start[0], most=PURGED)
    if head is None or not rows or rows[0].at > before or rows[0].seq >= head.seq:
        return 0
    good, bad = start, None
    if base is not None and not broken and not _ours(ledger, base):
        bad = base.seq
    for row in rows if bad is None else ():
        # By number, never past what is kept: workers' clocks differ a little, and the chain has no holes.
        if row.at > before or row.seq >= head.seq:
            break
        # Whoever can write to the table could make events old: a purge deletes no trace of that.
        if not broken and not _follows(ledger, row, good):
            bad = row.seq
            break
        good = row.seq, row.mac
    async with db.write() as work:
        await work.events.hold(ledger.first())
        there = await work.events.mark("base")
        if (0 if there is None else there.seq) != start[0]:
            return 0  # another purge is at it
        if bad is not None:
            _log.critical("stored security event %d is not as it was written: run fastness events verify", bad)
        if good == start:
            return 0
        await work.events.set_mark(ledger.mark("base", *good))
        return await work.events.delete(good[0])


def _ours(ledger: Ledger, base: Mark) -> bool:
    try:
        return ledger.ours(base)
    except UnknownKey:
        return False


def _follows(ledger: Ledger, row: StoredEvent, last: tuple[int, bytes]) -> bool:
    try:
        return row.seq == last[0] + 1 and ledger.follows(last[1], row)
    except UnknownKey:
        return False
