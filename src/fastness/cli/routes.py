"""`fastness routes`: who may call what."""

from __future__ import annotations

import difflib
from collections import Counter
from pathlib import Path

import typer

from fastness.cli.checked import Asked, checked, note, write


def routes(
    targets: list[str] = typer.Argument(None, metavar="[PATH | MODULE:APP]...", help="As for check."),
    lock: Path | None = typer.Option(None, "--lock", help="Write the table to this file, or compare with it."),
    check: bool = typer.Option(  # noqa: FBT001
        False, "--check", help="With --lock: write nothing, print the difference, end with 1 if there is one."
    ),
    python: str = typer.Option("", help="Interpreter or environment of the application."),
) -> None:
    """Print every route with its guards: a table for people, or a lock file whose diff a reviewer reads."""
    from fastness.checker.matrix import lock as locked
    from fastness.checker.matrix import rows
    from fastness.checker.outcome import counted

    run, _ = checked(Asked(tuple(targets or ()), python=python, settings=(("select", ("FN902",)),)))
    outcome = run.outcome
    text = locked(outcome.applications)
    blind = [reason for reason in outcome.blind if "advisory" not in reason]
    for reason in blind:
        note(f"not analysed: {reason}")
    if blind:
        raise typer.Exit(3)
    if lock is None:
        typer.echo(text.partition("\n\n")[2], nl=False)
        kinds = Counter(row.access for row in rows(outcome.applications) if row.route.kind != "mount")
        counts = ", ".join(f"{number} {kind}" for kind, number in sorted(kinds.items()))
        note(f"{counted(len(outcome.routes), 'route')} seen of {outcome.routes_total}: {counts}")
    elif check:
        raise typer.Exit(_compared(lock, text))
    else:
        write(lock, text)
        note(f"{counted(len(outcome.routes), 'route')} in {lock}")


def _compared(file: Path, text: str) -> int:
    before = file.read_text(encoding="utf-8") if file.is_file() else ""
    if before == text:
        return 0
    for line in difflib.unified_diff(before.splitlines(), text.splitlines(), str(file), "now", lineterm="", n=0):
        typer.echo(line)
    note(f"who may call what has changed; if that is meant: fastness routes --lock {file}")
    return 1
