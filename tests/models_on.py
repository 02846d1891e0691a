"""The models of the account service on one database, with the few acts that many tests begin with."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

from fastness.accounts.db import Database
from fastness.accounts.models import Account, Models, Opened, Work, default_models

AccountDatabase = Database[Work]
T = TypeVar("T")


@contextlib.asynccontextmanager
async def models_on(url: str, models: Models | None = None, *, tables: bool = True) -> AsyncIterator[AccountDatabase]:
    """A database with our tables, closed afterwards."""
    database: AccountDatabase = Database(url, models or default_models())
    try:
        if tables:
            await database.create_tables()
        yield database
    finally:
        await database.close()


async def add(db: AccountDatabase, address: str, *, role: str = "user", verified: bool = False) -> Account:
    """An account that was not there."""
    async with db.write() as work:
        account = await work.users.add(
            email=address, canonical=address, name=f"Name of {address}", password_hash="hash", role=role,
            verified=verified, now=1.0,
        )  # fmt: skip
    assert account is not None
    return account


async def signed_in(db: AccountDatabase, account: Account, *, now: float = 1.0, cap: int = 50) -> Opened:
    """A session of this account: idle after 1,000 s, over after 10,000 s."""
    async with db.write() as work:
        opened = await work.sessions.open(
            account.id, now=now, idle=1000, absolute=10_000, cap=cap, address="192.0.2.1", agent="test"
        )
    assert opened is not None
    return opened


async def at_once(times: int, act: Callable[..., Awaitable[T]]) -> list[T]:
    """Start `act(0)` to `act(times - 1)` together; an error of one is an error of the test."""
    return await asyncio.gather(*(act(i) for i in range(times)))
