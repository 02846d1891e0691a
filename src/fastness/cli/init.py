"""`fastness init`: add the checker to a project. Shows what it would write; never writes over anything."""

from __future__ import annotations

import difflib
from pathlib import Path

import typer

from fastness.cli.checked import note, usage, write

_SECTION = """
[tool.fastness.check]
# https://github.com/fastness/fastness/blob/main/docs/checker.md
fail-on = "medium"
# target = "app.main:app"                  # what --load and --probe load, which runs its code
# public = {"GET /health" = "the load balancer asks; it returns no data"}
# authentication = ["app.deps.current_user"]
# gateway = {limits = "nginx limit_req on every location"}
# baseline = "fastness-baseline.json"      # fastness check --write-baseline fastness-baseline.json
"""
_WORKFLOW = """name: fastness
on: [push, pull_request]
permissions:
  contents: read
  security-events: write
jobs:
  check:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - uses: fastness/fastness@v0.2.0
"""
_TABLE = "[tool.fastness.check]"


def init(
    folder: Path = typer.Argument(Path(), help="The project."),
    yes: bool = typer.Option(False, "--yes", "-y", help="Write without asking."),  # noqa: FBT001
    workflow: bool = typer.Option(True, "--workflow/--no-workflow", help="Add .github/workflows/fastness.yml too."),  # noqa: FBT001
) -> None:
    """Add the checker's settings to pyproject.toml and a workflow to CI. Shows a diff first and writes over nothing."""
    if not folder.is_dir():
        usage(f"{str(folder)!r} is no folder")
    planned = dict(_planned(folder, workflow=workflow))
    for path, text in planned.items():
        typer.echo(_diff(folder, path, text), nl=False)
    if not planned:
        note("everything is there already")
        return
    if not yes and not typer.confirm("Write this?", err=True):
        note("nothing was written")
        return
    for path, text in planned.items():
        write(folder / path, text)
    note(f"written: {', '.join(planned)}. Next: fastness check {folder}")


def _planned(folder: Path, *, workflow: bool) -> list[tuple[str, str]]:
    from fastness.checker.settings import SettingsError, read_file

    found: list[tuple[str, str]] = []
    file = folder / "pyproject.toml"
    if not file.exists():
        found.append(("pyproject.toml", _SECTION.lstrip()))
    else:
        try:
            read_file(file)
        except SettingsError as error:
            usage(str(error))
        text = file.read_text(encoding="utf-8")
        if _TABLE not in text:
            found.append(("pyproject.toml", text.rstrip("\n") + "\n" + _SECTION))
    where = ".github/workflows/fastness.yml"
    if workflow and not (folder / where).exists():
        found.append((where, _WORKFLOW))
    return found


def _diff(folder: Path, path: str, text: str) -> str:
    file = folder / path
    before = file.read_text(encoding="utf-8") if file.exists() else ""
    return "".join(
        difflib.unified_diff(
            before.splitlines(keepends=True),
            text.splitlines(keepends=True),
            f"a/{path}" if before else "/dev/null",
            f"b/{path}",
        )
    )
