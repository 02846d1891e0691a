"""`fastness check`: judge a FastAPI application."""

from __future__ import annotations

import difflib
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import typer

from fastness.cli import colour
from fastness.cli.checked import Asked, checked, note, usage, write

if TYPE_CHECKING:
    from fastness.checker.checking import Checked
    from fastness.checker.outcome import Outcome

E = TypeVar("E", bound=IntEnum)
_FORMATS = "text, concise, json, sarif, html, junit, github or markdown"


def check(  # noqa: PLR0917 - typer declares options so
    targets: list[str] = typer.Argument(
        None, metavar="[PATH | MODULE:APP]...", help="Folders are read; module:app is loaded, which runs its code."
    ),
    form: list[str] = typer.Option([], "--format", help=f"{_FORMATS}; several are allowed, with one --output each."),
    output: list[Path] = typer.Option(
        [], "--output", "-o", help="Write here instead of to the terminal; its end names the format."
    ),
    load: bool = typer.Option(False, "--load", help="Load the application that pyproject.toml names as target."),
    probe: bool = typer.Option(False, "--probe", help="Attack the loaded application, in process."),
    python: str = typer.Option("", help="Interpreter or environment of the application."),
    advisories: str = typer.Option(
        "", help="Folder of OSV records, address of an OSV service, or report of uv audit or pip-audit."
    ),
    baseline: str = typer.Option("", help="File with findings that are known."),
    write_baseline: Path | None = typer.Option(
        None, "--write-baseline", help="Write all findings of this run there and end with 0."
    ),
    since: str = typer.Option(
        "", "--diff", metavar="REF", help="Only findings on lines that changed since this revision."
    ),
    fix: bool = typer.Option(False, "--fix", help="Apply the exact fixes."),
    preview: bool = typer.Option(False, "--preview", help="With --fix: print the changes and write nothing."),
    select: list[str] = typer.Option([], help="Only these rules: ids, names, or first digits (FN1)."),
    ignore: list[str] = typer.Option([], help="Not these rules."),
    fail_on: str = typer.Option(
        "", "--fail-on", help="low, medium, high or critical: end with 1 from here on.  [default: medium]"
    ),
    min_confidence: str = typer.Option("", "--min-confidence", help="low, medium, high or proved.  [default: low]"),
    persona: str = typer.Option("", help="regular, pedantic or auditor.  [default: regular]"),
    exit_zero: bool = typer.Option(
        False, "--exit-zero", help="End with 0 whatever was found; not when nothing could be analysed."
    ),
    no_ignores: bool = typer.Option(False, "--no-ignores", help="Show what comments and the baseline silence."),
    own_rules: bool = typer.Option(
        False, "--own-rules", help="Run the rules that pyproject.toml names, which runs their code."
    ),
    color: str = typer.Option("auto", help="auto, always or never."),
) -> None:
    """Judge a FastAPI application by its source, its loaded form, attacks on it, and its packages.

    Without module:app nothing of the target is executed. Exit codes: 0 clean, 1 findings at or above --fail-on, 2 wrong
    usage or settings, 3 could not analyse.
    """
    run, _ = checked(
        Asked(
            tuple(targets or ()), load=load, probe=probe, python=python, since=since, own_rules=own_rules, ignore_comments=no_ignores,
            ignore_baseline=no_ignores or write_baseline is not None,
            settings=_replaced(select=select, ignore=ignore, advisories=advisories, baseline=baseline, fail_on=fail_on,
                               min_confidence=min_confidence, persona=persona),
        )
    )  # fmt: skip
    if write_baseline is not None:
        raise typer.Exit(_baseline(run, write_baseline))
    if fix or preview:
        _fix(run.outcome, preview=preview)
    for form_, path in _reports(form, output):
        _report(run.outcome, form_, path, color)
    code = run.outcome.exit_code
    for reason in run.outcome.blind:
        note(f"not analysed: {reason}")
    raise typer.Exit(0 if exit_zero and code == 1 else code)


def _replaced(**given: Any) -> tuple[tuple[str, Any], ...]:
    from fastness.checker.finding import Confidence, Persona, Severity

    levels: dict[str, type[IntEnum]] = {"fail_on": Severity, "min_confidence": Confidence, "persona": Persona}
    found: dict[str, Any] = {}
    for name, value in given.items():
        if not value:
            continue
        if name in levels:
            found[name] = _level(levels[name], value, f"--{name.replace('_', '-')}")
        elif isinstance(value, list):
            found[name] = tuple(word for each in value for word in each.replace(",", " ").split())
        else:
            found[name] = value
    if "baseline" in found:
        found["baseline"] = str(Path(found["baseline"]).resolve())
    return tuple(found.items())


def _level(kind: type[E], value: str, option: str) -> E:
    from fastness.checker.settings import member

    try:
        return member(kind, value)
    except ValueError as error:
        usage(f"{option}: {error}")


def _reports(forms: list[str], outputs: list[Path]) -> list[tuple[str, Path | None]]:
    """Each format with its file. One format may go to the terminal; a file's name says its format where none is given."""
    from fastness.checker.reports import FORMATS, SUFFIXES

    for name in forms:
        if name not in FORMATS:
            near = difflib.get_close_matches(name, FORMATS, 1)
            usage(
                f"--format: {name!r} is none of {', '.join(FORMATS)}" + (f"; did you mean {near[0]!r}?" if near else "")
            )
    if not outputs:
        if len(forms) > 1:
            usage("several formats need one --output each")
        return [(forms[0] if forms else "text", None)]
    if not forms:
        named = [SUFFIXES.get(path.suffix, "") for path in outputs]
        if "" in named:
            usage(f"--output {outputs[named.index('')]}: its end says no format; give --format")
        return list(zip(named, outputs, strict=True))
    if len(forms) == len(outputs) + 1:
        return [(forms[0], None), *zip(forms[1:], outputs, strict=True)]
    if len(forms) != len(outputs):
        usage(f"{len(forms)} formats and {len(outputs)} files: give one --output for each --format")
    return list(zip(forms, outputs, strict=True))


def _report(outcome: Outcome, form: str, path: Path | None, color: str) -> None:
    from fastness.checker.reports import render

    if path is None:
        typer.echo(render(outcome, form, colour=colour.wanted(color)), nl=False, color=True)
        return
    write(path, render(outcome, form))
    note(f"{form} report in {path}. {outcome.summary()}")


def _baseline(run: Checked, path: Path) -> int:
    from fastness.checker.baseline import text_of

    if run.outcome.blind:
        note(f"no baseline was written: {'; '.join(run.outcome.blind)}")
        return 3
    write(path, text_of(run.known))
    note(f"{len(run.known)} findings in {path}")
    return 0


def _fix(outcome: Outcome, *, preview: bool) -> None:
    from fastness.checker.fixing import repair

    done = repair(outcome.findings, outcome.root)
    if preview:
        typer.echo(done.diff(), nl=False)
    else:
        done.write(outcome.root)
        note(f"{len(done.fixed)} fixed in {len(done.rewrites)} files; run the check again to see what is left")
    for finding, reason in done.left:
        note(f"not fixed: {finding.place.path}:{finding.place.line} {finding.rule}: {reason}")
