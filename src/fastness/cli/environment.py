"""The settings that every command reads, and a clear end when they are not safe."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

import typer

from fastness.core.errors import MissingExtra, UnsafeConfiguration
from fastness.core.keys import KeyRing

if TYPE_CHECKING:
    from fastness.accounts.settings import ServiceSettings


def need_service(feature: str) -> None:
    """Stop with the install command when the packages of the account service are not there.

    Raises:
        MissingExtra: with the feature that was asked for.
    """
    try:
        import aiosqlite  # noqa: F401
        import sqlalchemy  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError:
        raise MissingExtra(feature, "service") from None


def loaded() -> ServiceSettings:
    """The settings of the account service from the environment.

    Raises:
        typer.Exit: 78, after printing everything that is wrong with them.
    """
    need_service("This command")
    from fastness.accounts.settings import ServiceSettings
    from fastness.controls.secrets import read

    settings, found = read(ServiceSettings)
    if settings is None or found:
        stop(found)
    return settings


def ring_of(settings: ServiceSettings) -> KeyRing:
    """The secrets of the service.

    Raises:
        UnsafeConfiguration: there is none.
    """
    if not settings.secret:
        raise UnsafeConfiguration(
            "there is no secret to check the events with",
            where="FASTNESS_SECRET",
            why="their chain is keyed with the secret that the service runs with",
            fix="set that secret, with the older ones before it",
        )
    return KeyRing([secret.get_secret_value() for secret in settings.secret])


def stop(found: list[UnsafeConfiguration]) -> NoReturn:
    """Print every problem and end with 78 (EX_CONFIG)."""
    for problem in found:
        typer.echo(str(problem), err=True)
    raise typer.Exit(78)
