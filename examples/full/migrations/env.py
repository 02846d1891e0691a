"""Alembic's own template for an asynchronous engine. `accounts` is imported so that its tables are known."""

from __future__ import annotations

import asyncio

from alembic import context
from examples.full import accounts
from examples.full.database import engine
from sqlalchemy import Connection

target_metadata = accounts.accounts.models.metadata


def migrate(connection: Connection) -> None:
    context.configure(connection=connection, target_metadata=target_metadata)
    with context.begin_transaction():
        context.run_migrations()


async def main() -> None:
    async with engine.connect() as connection:
        await connection.run_sync(migrate)
    await engine.dispose()


asyncio.run(main())
