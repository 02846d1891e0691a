"""Stored events for tests: a chain of some length, and hands that write to its rows as an intruder would."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from accounts.serving import SECRET
from fastness.accounts.ledger import Entry, Ledger
from fastness.accounts.models import StoredEvent
from fastness.core.keys import KeyRing
from models_on import AccountDatabase

START = 1_700_000_000.0


def ledger(*secrets: str) -> Ledger:
    return Ledger(KeyRing(secrets or (SECRET,)))


async def chain_of(db: AccountDatabase, count: int, book: Ledger | None = None, *, at: float = START) -> None:
    """Append `count` events, a second apart, about two accounts in turn."""
    book = book or ledger()
    whose = ("ada", "eve")
    entries = [
        Entry(at + n, "authn_login_success", "INFO", whose[n % 2], f'{{"source_ip":"192.0.2.{n % 250}"}}')
        for n in range(count)
    ]
    for start in range(0, count, 5000):
        async with db.write() as work:
            head = await work.events.hold(book.first())
            rows = book.append(head, entries[start : start + 5000], broken=False)
            await work.events.add(rows)
            await work.events.set_mark(book.mark("head", rows[-1].seq, rows[-1].mac))


async def rows_of(db: AccountDatabase) -> Sequence[StoredEvent]:
    async with db.read() as work:
        return await work.events.after(0, most=1_000_000)


async def meddle(db: AccountDatabase, *statements: str, **values: Any) -> None:
    """What somebody does who has the database and not the secret: over a connection of their own, in one transaction."""
    engine = create_async_engine(db.url, poolclass=NullPool)
    async with engine.begin() as connection:
        for statement in statements:
            given = {name: value for name, value in values.items() if f":{name}" in statement}
            await connection.execute(text(statement), given)
    await engine.dispose()
