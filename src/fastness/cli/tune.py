"""`fastness tune`: measure this machine and propose a cost for password hashes."""

from __future__ import annotations

import typer


def tune(
    target: float = typer.Option(0.1, help="Seconds that one hash may take."),
    memory: int = typer.Option(65_536, help="KiB that one hash may use."),
) -> None:
    """Propose the strongest Argon2id cost that this machine computes in the target time."""
    from fastness.controls.passwords.tune import propose

    try:
        found = propose(target, memory)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    typer.echo(f"FASTNESS_PASSWORDS__MEMORY_KIB={found.memory_kib}")
    typer.echo(f"FASTNESS_PASSWORDS__TIME_COST={found.time_cost}")
    typer.echo(f"one hash: {found.seconds * 1000:.0f} ms", err=True)
    if not found.within_target:
        typer.echo("This machine cannot reach the target; the OWASP minimum stands (19 MiB, 2 passes).", err=True)
