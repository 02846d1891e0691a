"""`fastness doctor`: what is on, what is unsafe, and whether it demonstrably works."""

from __future__ import annotations

import asyncio
import importlib
import platform
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import typer

from fastness._version import __version__
from fastness.cli.environment import need_service

if TYPE_CHECKING:
    from fastness.accounts.service import Service
    from fastness.proven import Verdict

_PACKAGES = ("fastapi", "starlette", "pydantic", "sqlalchemy", "uvicorn")
_NOT_LOADED, _UNSAFE = 3, 78


def doctor(
    target: str | None = typer.Argument(
        None, metavar="[MODULE:APP]", help="Drive this application in process and see each control work."
    ),
    host: str | None = typer.Option(None, help="The Host to ask for, where the settings name none."),
) -> None:
    """Check what is on and effective: an application of yours, or the account service with its database.

    Prints no secret. An application is started as a server would start it, gets routes of the doctor's own in front, and
    is not served to anybody.
    """
    typer.echo(f"fastness {__version__} on Python {platform.python_version()}, {_versions()}")
    if target is not None:
        _prove(_loaded(target), target, host)
        return
    need_service("The doctor of the account service")
    from fastness.accounts.app import build

    app = build()
    secured = app.state.fastness
    typer.echo(secured.report())
    problems = secured.problems()
    for problem in problems:
        typer.echo(str(problem))
    reached = asyncio.run(_database(app.state.fastness_accounts))
    typer.echo(f"database: {'answers, tables are there' if reached else 'does not answer, or has no tables'}")
    said = asyncio.run(_counters(secured.store))
    if said is not None:
        typer.echo(f"redis: {said or 'answers'}")
    if problems:
        raise typer.Exit(_UNSAFE)
    if said:
        raise typer.Exit(1)
    if not reached:
        typer.echo('Run "fastness db upgrade" when the database is up.')
        raise typer.Exit(1)


def _prove(app: Any, target: str, host: str | None) -> None:
    from fastness.proven import State, prove
    from fastness.proven.driver import NotStarted

    secured = getattr(getattr(app, "state", None), "fastness", None)
    if secured is None:
        typer.echo(f"{target}: secure(app) was not called on it, so there is nothing to prove.", err=True)
        raise typer.Exit(1)
    typer.echo(secured.report())
    try:
        verdicts = asyncio.run(prove(app, host=host))
    except NotStarted as refused:
        typer.echo(str(refused), err=True)
        raise typer.Exit(_UNSAFE) from None
    typer.echo(f"{target}, driven in process:")
    _table(verdicts)
    if any(verdict.state is State.FAILS for verdict in verdicts):
        raise typer.Exit(1)


def _table(verdicts: Sequence[Verdict]) -> None:
    wide = max(len(verdict.control) for verdict in verdicts)
    for verdict in verdicts:
        typer.echo(f"  {verdict.state:9}  {verdict.control:{wide}}  {verdict.seen}")


def _loaded(target: str) -> Any:
    module, _, name = target.partition(":")
    sys.path.insert(0, "")  # as uvicorn does: the application lies where the command is typed
    try:
        found: Any = importlib.import_module(module)
        for part in (name or "app").split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError) as error:
        typer.echo(f"{target} was not loaded: {error}", err=True)
        raise typer.Exit(_NOT_LOADED) from None
    return found if hasattr(found, "state") or not callable(found) else found()


def _versions() -> str:
    from importlib.metadata import PackageNotFoundError, version

    found: list[str] = []
    for name in _PACKAGES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    return ", ".join(found)


async def _counters(store: Any) -> str | None:
    """What is wrong with the Redis that counts; empty when nothing is, None where there is none."""
    redis = getattr(store, "behind", None)
    if redis is None or not hasattr(redis, "check"):
        return None
    said = ""
    for _ in range(10):  # the first answer has to wait for the connection
        try:
            await redis.check()
        except ConnectionError as error:
            said = f"does not count ({error})"
            await asyncio.sleep(0.05)
        else:
            said = ""
            break
    await redis.close()
    return said


async def _database(service: Service) -> bool:
    try:
        return await service.db.ready()
    finally:
        service.passwords.close()
        await service.db.close()
