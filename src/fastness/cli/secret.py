"""`fastness secret`: make a secret."""

from __future__ import annotations

import typer


def secret(
    env: bool = typer.Option(False, "--env", help="Print a line for .env."),  # noqa: FBT001
) -> None:
    """Print a new secret, 256 random bits, fit for FASTNESS_SECRET."""
    from fastness.controls.secrets import generate

    typer.echo(f"FASTNESS_SECRET={generate()}" if env else generate())
