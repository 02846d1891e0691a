"""`fastness db`: the tables of the account service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import typer

from fastness.cli.connection import connected, fail, finish, migrated, record
from fastness.cli.environment import loaded, ring_of

if TYPE_CHECKING:
    from fastness.accounts.settings import ServiceSettings

app = typer.Typer(name="db", help="The tables of the account service.", no_args_is_help=True, rich_markup_mode=None)


@app.command()
def upgrade() -> None:
    """Bring the tables to the newest revision: wholly or not at all. Safe to run again, and by several at once."""
    finish(_upgrade(loaded()))


@app.command()
def current() -> None:
    """Print the revision of the database and the newest one."""
    finish(_current(loaded()))


@app.command()
def sql(
    dialect: str = typer.Option("", help="sqlite or postgresql; that of the configured database unless given."),
) -> None:
    """Print the statements that make the tables, for people who run them by hand. Needs no connection."""
    from fastness.accounts import migrations

    typer.echo(migrations.sql(_dialect(dialect)))


@app.command()
def purge(
    broken_events: bool = typer.Option(  # noqa: FBT001 - typer declares options so
        False, "--broken-events", help="Old events go even where their chain does not hold."
    ),
) -> None:
    """Delete what is over, in short transactions beside running workers, and say how many rows went.

    Accounts whose time to come back is over, sessions, codes, challenges, devices, keys, revocations, leases, mails, counters, and events older than
    FASTNESS_ACCOUNTS__EVENTS__KEEP_DAYS, whose chain still holds afterwards.
    """
    finish(_purge(loaded(), broken_events))


async def _upgrade(settings: ServiceSettings) -> None:
    from fastness.accounts import migrations
    from fastness.accounts.models import default_models

    async with connected(settings, migrating=True) as database:
        before = await migrations.current(database)
        try:
            await migrations.upgrade(database, default_models().metadata)
        except migrations.ForeignTables as error:
            fail(
                f"Tables with our names are there and are not as they should be ({error}). Nothing was changed. "
                "Use another database, or move those tables away."
            )
        after = await migrations.current(database)
    typer.echo(
        f"The database is at {after}." if before == after else f"Upgraded from {before or 'nothing'} to {after}."
    )


async def _current(settings: ServiceSettings) -> None:
    from fastness.accounts import migrations

    async with connected(settings) as database:
        revision = await migrations.current(database)
    newest = migrations.head()
    if revision == newest:
        typer.echo(f"{revision} (newest)")
    else:
        typer.echo(f'{revision or "none"} (newest is {newest}; run "fastness db upgrade")')


async def _purge(settings: ServiceSettings, broken_events: bool) -> None:  # noqa: FBT001 - the option's value
    from fastness.accounts.flows.delete_account import purge_deleted
    from fastness.accounts.ledger import Ledger
    from fastness.accounts.purge import EVENTS, purge
    from fastness.core.clock import wall
    from fastness.core.events import Event
    from fastness.stores.sql import SqlStore

    ledger = Ledger(ring_of(settings)) if settings.secret else None
    keep = settings.accounts.events.keep_days * 86_400.0
    ended: list[Event] = []
    async with migrated(settings) as database:
        while await purge_deleted(database, now=wall(), emit=ended.append):
            pass
        for event in ended:
            await record(database, settings, event)
        gone = {"accounts whose owners left": len(ended)}
        gone |= await purge(database, now=wall(), ledger=ledger, keep=keep, broken=broken_events)
        gone["counters"] = await SqlStore(database.engine).purge()
    for table, count in gone.items():
        typer.echo(f"{table}: {count}")
    if ledger is None:
        typer.echo(f"{EVENTS}: not purged; the chain is sealed anew with FASTNESS_SECRET, which is not set", err=True)


def _dialect(given: str) -> Literal["sqlite", "postgresql"]:
    name = given or loaded().database_url.partition(":")[0].partition("+")[0]
    if name == "sqlite":
        return "sqlite"
    if name in {"postgresql", "postgres"}:
        return "postgresql"
    raise typer.BadParameter("use sqlite or postgresql", param_hint="--dialect")
