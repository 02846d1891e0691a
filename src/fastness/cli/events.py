"""`fastness events`: the stored security events, verified or handed out."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

import typer

from fastness.cli.connection import connected
from fastness.cli.environment import loaded, ring_of
from fastness.core.errors import Unavailable

if TYPE_CHECKING:
    from fastness.accounts.audit import Broken, Intact
    from fastness.accounts.settings import ServiceSettings

app = typer.Typer(
    name="events", help="Stored security events: verify their chain, or export them.", no_args_is_help=True,
    rich_markup_mode=None,
)  # fmt: skip

T = TypeVar("T")
_UNSEEN = 3
"""The exit code when nothing could be verified or read."""
_AGO = re.compile(r"([0-9]{1,6})([dhm])")
_UNITS = {"d": "days", "h": "hours", "m": "minutes"}


@app.command()
def verify(
    anchor: str = typer.Option(
        "", help="An anchor from the log or an earlier run, as in 1200:9f... It tells of a database put back."
    ),
) -> None:
    """Check that no stored event was changed, removed or moved.

    Prints an anchor; keep it elsewhere. Ends with 0 when the chain holds, with 1 and the first bad number when it does
    not, and with 3 when the database cannot be read.
    """
    from fastness.accounts.audit import Broken

    settings = loaded()
    if anchor and not _is_anchor(anchor):
        raise typer.BadParameter("an anchor is a number, a colon and 32 hexadecimal digits", param_hint="--anchor")
    found = _finished(_verify(settings, anchor))
    if isinstance(found, Broken):
        typer.echo(f"The chain of events does not hold at {found.seq}: {found.why}.", err=True)
        raise typer.Exit(1)
    if found.last < found.first:
        typer.echo("There are no events.")
        return
    erased = f"; the content of {found.erased} was erased by the service" if found.erased else ""
    typer.echo(
        f"{found.last - found.first + 1} events, {found.first} to {found.last}: all as they were written{erased}."
    )
    if not found.anchored:
        typer.echo("The anchor is older than the oldest event that is kept.")
    typer.echo(f"anchor: {found.anchor}")


@app.command()
def export(
    since: str = typer.Option("", help="What happened from then on: 7d, 24h, 30m, or 2026-11-27T10:00:00+00:00."),
    after: int = typer.Option(0, min=0, help="What follows this number (seq): for a program that ships the rest."),
) -> None:
    """Print events as JSON lines, the oldest first, with the names of the OWASP Logging Vocabulary."""
    start = _moment(since) if since else None
    _finished(_export(loaded(), start, after))


async def _verify(settings: ServiceSettings, anchor: str) -> Intact | Broken:
    from fastness.accounts import audit
    from fastness.accounts.ledger import Ledger

    async with connected(settings) as database:
        if not await database.ready():
            raise Unavailable("it is away, or has no tables")
        return await audit.verify(database, Ledger(ring_of(settings)), known=anchor or None)


async def _export(settings: ServiceSettings, since: float | None, after: int) -> None:
    from fastness.accounts import audit

    async with connected(settings) as database:
        if not await database.ready():
            raise Unavailable("it is away, or has no tables")
        try:
            async for line in audit.export(database, since=since, after=after):
                sys.stdout.write(line)
            sys.stdout.flush()
        except BrokenPipeError:
            # Whoever read has seen enough; the interpreter must not flush into the closed pipe at its end.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _finished(work: Coroutine[Any, Any, T]) -> T:
    try:
        return asyncio.run(work)
    except Unavailable as error:
        typer.echo(f"The events cannot be read: {error.reason}.", err=True)
        raise typer.Exit(_UNSEEN) from None


def _is_anchor(text: str) -> bool:
    from fastness.accounts.ledger import read_anchor

    try:
        read_anchor(text)
    except ValueError:
        return False
    return True


def _moment(text: str) -> float:
    ago = _AGO.fullmatch(text)
    try:
        if ago is not None:
            return (datetime.now(UTC) - timedelta(**{_UNITS[ago[2]]: int(ago[1])})).timestamp()
        found = datetime.fromisoformat(text)
        return (found if found.tzinfo is not None else found.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        raise typer.BadParameter("write 7d, 24h, 30m, or a time as in ISO 8601", param_hint="--since") from None
