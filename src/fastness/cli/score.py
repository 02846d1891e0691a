"""`fastness score`: the grade, and what a run says about ASVS, the API Top 10 and the guide."""

from __future__ import annotations

import json

import typer

from fastness.cli.checked import Asked, checked, note, usage


def score(
    targets: list[str] = typer.Argument(None, metavar="[PATH | MODULE:APP]...", help="As for check."),
    form: str = typer.Option("text", "--format", help="text or json."),
    probe: bool = typer.Option(False, "--probe", help="Attack the loaded application, in process."),  # noqa: FBT001
    python: str = typer.Option("", help="Interpreter or environment of the application."),
) -> None:
    """Print the grade, and for each requirement: failed, nothing found, or not checked. Ends with 3 when blind, else 0."""
    from fastness.checker.score import GRADES, api_top_10, asvs, document, grade, guide

    if form not in {"text", "json"}:
        usage(f"--format: {form!r} is none of text, json")
    run, _ = checked(Asked(tuple(targets or ()), probe=probe, python=python))
    outcome = run.outcome
    if form == "json":
        typer.echo(json.dumps(document(outcome), indent=2, ensure_ascii=False))
    else:
        letter = grade(outcome)
        typer.echo(f"grade {letter}: {GRADES[letter]}")
        for title, found in (
            ("The guide's checklist", guide(outcome)),
            ("OWASP API Security Top 10:2023", api_top_10(outcome)),
            ("OWASP ASVS 5.0", [each for each in asvs(outcome) if each.verdict != "not checked"]),
        ):
            typer.echo(f"\n{title}")
            for each in found:
                typer.echo(f"  {each.id:<10} {each.verdict:<13} {each.title}")
    for reason in outcome.blind:
        note(f"not analysed: {reason}")
    raise typer.Exit(3 if outcome.blind else 0)
