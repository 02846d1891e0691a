"""`fastness serve`: the account service, for real."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import typer

from fastness.cli.connection import finish
from fastness.cli.environment import loaded, stop
from fastness.core.errors import UnsafeConfiguration
from fastness.core.store import MemoryStore

if TYPE_CHECKING:
    from fastness.identity import Identity


def serve(
    host: str = typer.Option("127.0.0.1", help="Address to listen on."),
    port: int = typer.Option(8000, min=0, max=65535, help="Port to listen on; 0 takes a free one."),
    workers: int = typer.Option(1, min=1, max=256, help="Processes."),
) -> None:
    """Run the account service with the settings of the environment."""
    settings = loaded()
    from fastness.accounts.app import build
    from fastness.cli.server import options, serving

    app = build(settings)
    problems = app.state.fastness.problems()
    if workers > 1 and isinstance(app.state.fastness.store, MemoryStore):
        problems.append(_COUNTED_APART)
    if problems:
        stop(problems)
    if workers > 1:
        import uvicorn

        # uvicorn's supervisor ends with 0 when its workers cannot start, so one start is tried here.
        finish(_tried(app.state.fastness.identity))
        # Each worker must know its share of a limit from its first request on, also when the store is away.
        os.environ["WEB_CONCURRENCY"] = str(workers)
        typer.echo(f"fastness: {workers} workers answer at http://{host}:{port}")
        uvicorn.run("fastness.accounts.app:build", factory=True, host=host, port=port, workers=workers, **options(app))
        return
    with serving(lambda: app, host, port) as (run, url):
        typer.echo(f"fastness: the account service answers at {url}")
        run()


async def _tried(identity: Identity) -> None:
    try:
        for hook in identity.on_start:
            await hook()
    finally:
        for hook in identity.on_stop:
            await hook()


_COUNTED_APART = UnsafeConfiguration(
    "several workers would count sign-ins apart from each other",
    where="--workers and FASTNESS_ACCOUNTS__COUNTERS",
    why='a limit of "5/minute" would be five for each worker',
    fix="set FASTNESS_REDIS_URL, or FASTNESS_ACCOUNTS__COUNTERS=database, or run one worker",
)
