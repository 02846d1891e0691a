"""`fastness keys`: the keys that sign access tokens."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import typer

from fastness.cli.connection import fail, finish, migrated, record
from fastness.cli.environment import loaded
from fastness.core.errors import UnsafeConfiguration
from fastness.core.events import Event, EventType

if TYPE_CHECKING:
    from fastness.accounts.settings import ServiceSettings

app = typer.Typer(name="keys", help="The keys that sign access tokens.", no_args_is_help=True, rich_markup_mode=None)

_SPREAD = 5.0
"""Seconds in which every worker has read a new key and publishes it."""


@app.command()
def rotate() -> None:
    """Add a key that signs in a few minutes; older ones verify until the last token they signed is over."""
    settings = loaded()
    if not settings.secret:
        raise UnsafeConfiguration(
            "there is no secret to seal the key with",
            where="FASTNESS_SECRET",
            why="a key sealed under another secret opens in no worker",
            fix="set the secret that the service runs with",
        )
    finish(_rotate(settings))


@app.command(name="list")
def list_() -> None:
    """Print every key, the oldest first, and what it is good for. Prints no key material."""
    finish(_list(loaded()))


async def _rotate(settings: ServiceSettings) -> None:
    from fastness.accounts.signing import PUBLISHED, SigningKeys
    from fastness.controls.tokens import SigningKey
    from fastness.core.clock import wall
    from fastness.core.keys import KeyRing

    now = wall()
    active = now + _SPREAD + PUBLISHED
    over = active + settings.tokens.max_lifetime + settings.tokens.leeway
    kid = f"{datetime.fromtimestamp(now, UTC):%Y-%m-%d}-{secrets.token_hex(4)}"
    async with migrated(settings) as database:
        signing = SigningKeys(database, KeyRing([secret.get_secret_value() for secret in settings.secret]))
        async with database.read() as work:
            older = [key for key in await work.keys.all() if key.retires_at is None]
        if not await signing.add(SigningKey.generate(kid), activates_at=active):
            fail("A key of this name is there already; try again.")
        async with database.write() as work:
            for key in older:
                await work.keys.retire(key.kid, over)
        details = {"by": "command line", "kid": kid}
        await record(database, settings, Event(EventType.KEY_ROTATED, details=details))
    typer.echo(f"{kid} signs from {_told(active)}; {len(older)} older verify until {_told(over)}")


async def _list(settings: ServiceSettings) -> None:
    from fastness.core.clock import wall

    async with migrated(settings) as database, database.read() as work:
        keys = await work.keys.all()
    now = wall()
    signing = max((key.activates_at for key in keys if key.activates_at <= now), default=None)
    for key in keys:
        if key.retires_at is not None and key.retires_at <= now:
            state = f"retired {_told(key.retires_at)}"
        elif key.activates_at > now:
            state = f"signs from {_told(key.activates_at)}"
        elif key.activates_at == signing:
            state = "signs"
        else:
            state = "verifies" + (f" until {_told(key.retires_at)}" if key.retires_at is not None else "")
        typer.echo(f"{key.kid}  {key.alg}  {state}")


def _told(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%SZ}"
