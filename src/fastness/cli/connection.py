"""The database that the settings name, for one command."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import typer

from fastness.core.errors import Unavailable, UnsafeConfiguration

if TYPE_CHECKING:
    from fastness.accounts.db import Database
    from fastness.accounts.models import Work
    from fastness.accounts.settings import ServiceSettings
    from fastness.core.events import Event

T = TypeVar("T")
_MIGRATION_TIMEOUT = 3600.0
"""Seconds a statement of a migration may take: an index on a large table needs minutes."""


@contextlib.asynccontextmanager
async def connected(settings: ServiceSettings, *, migrating: bool = False) -> AsyncIterator[Database[Work]]:
    """The database, closed afterwards.

    Raises:
        UnsafeConfiguration: the URL is of no supported database.
    """
    from fastness.accounts.db import ANSWER, Database
    from fastness.accounts.models import default_models

    try:
        database = Database(
            settings.database_url, default_models(), statement_timeout=_MIGRATION_TIMEOUT if migrating else ANSWER
        )
    except ValueError as error:
        raise UnsafeConfiguration(
            str(error),
            where="FASTNESS_DATABASE_URL",
            why="accounts live there",
            fix='set it to "sqlite:///file.db" or "postgresql://user:password@host/name"',
        ) from None
    try:
        yield database
    finally:
        await database.close()


@contextlib.asynccontextmanager
async def migrated(settings: ServiceSettings) -> AsyncIterator[Database[Work]]:
    """The database, with its tables.

    Raises:
        typer.Exit: 1, when it does not answer or has no tables.
    """
    async with connected(settings) as database:
        if not await database.ready():
            fail('The database does not answer, or has no tables. Is it up? Then run "fastness db upgrade".')
        yield database


async def record(database: Database[Work], settings: ServiceSettings, event: Event) -> None:
    """Store what a command did in the chain of security events. The command has done its work whatever happens here."""
    from fastness.accounts.journal import Journal
    from fastness.accounts.ledger import Ledger
    from fastness.cli.environment import ring_of

    if not settings.secret or not settings.accounts.events.stored:
        return
    journal = Journal(database, Ledger(ring_of(settings)))
    journal(event)
    try:
        await journal.settled()
    except Exception as error:  # noqa: BLE001 - see above
        typer.echo(f"This was done, and could not be stored as an event ({type(error).__name__}).", err=True)


def finish(work: Coroutine[Any, Any, T]) -> T:
    """Run the work of a command to its end.

    Raises:
        typer.Exit: 1, with one sentence, when the database is away.
    """
    try:
        return asyncio.run(work)
    except Unavailable as error:
        fail(f"The database does not answer ({error.reason}).")


def fail(sentence: str) -> NoReturn:
    """Say what did not work, and end with 1."""
    typer.echo(sentence, err=True)
    raise typer.Exit(1)
