"""Purge: what is over goes, a thousand rows in one short transaction, beside running workers.

Events go from the oldest on, and the chain's base moves with them, so that what stays can still be verified. The newest
event always stays: it is what the head of the chain names.
"""

from __future__ import annotations

import logging

from fastness.accounts.db import Database
from fastness.accounts.ledger import FIRST, Ledger, UnknownKey
from fastness.accounts.models import Mark, StoredEvent, Work
from fastness.accounts.models.work import PURGED

EVENTS = "fastness_events"
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
    if ledger is not None:
        gone[EVENTS] = 0
        while some := await _some_events(db, ledger, before=now - keep, broken=broken):
            gone[EVENTS] += some
    return gone


async def _some_events(db: Database[Work], ledger: Ledger, *, before: float, broken: bool) -> int:
    async with db.read() as work:  # most purges find nothing, and then no writer waits
        base = await work.events.mark("base")
        oldest = await work.events.after(base.seq if base is not None else 0, most=1)
    if not oldest or oldest[0].at > before:
        return 0
    async with db.write() as work:
        head = await work.events.hold(ledger.first())
        base = await work.events.mark("base")
        if base is not None and not broken and not _ours(ledger, base):
            _log.critical("the base of the stored security events was changed: run fastness events verify")
            return 0
        start = (0, FIRST) if base is None else (base.seq, base.mac)
        seq, mac = start
        for row in await work.events.after(seq, most=PURGED):
            # By number, never past what is kept: workers' clocks differ a little, and the chain has no holes.
            if row.at > before or row.seq >= head.seq:
                break
            # Whoever can write to the table could make events old: a purge deletes no trace of that.
            if not broken and not _follows(ledger, row, seq, mac):
                _log.critical(
                    "stored security event %d does not follow and is kept: run fastness events verify", row.seq
                )
                break
            seq, mac = row.seq, row.mac
        if (seq, mac) == start:
            return 0
        await work.events.set_mark(ledger.mark("base", seq, mac))
        return await work.events.delete(seq)


def _ours(ledger: Ledger, base: Mark) -> bool:
    try:
        return ledger.ours(base)
    except UnknownKey:
        return False


def _follows(ledger: Ledger, row: StoredEvent, seq: int, mac: bytes) -> bool:
    try:
        return row.seq == seq + 1 and ledger.follows(mac, row)
    except UnknownKey:
        return False
