"""What `check`, `routes` and `score` share: targets on the command line become one run."""

from __future__ import annotations

import os
import re
import sys
import traceback
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import typer

if TYPE_CHECKING:
    from fastness.checker.checking import Checked
    from fastness.checker.rulebook import Rulebook
    from fastness.checker.settings import CheckSettings

_LOADED = re.compile(r"\A[A-Za-z_][\w.]*:[A-Za-z_][\w.]*(\(\))?\Z")


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line says of a run; None and empty where it says nothing."""

    targets: tuple[str, ...] = ()
    load: bool = False
    """Load what pyproject.toml names. Never by itself: that file is the checked project's, and loading runs code."""
    probe: bool = False
    python: str = ""
    since: str = ""
    own_rules: bool = False
    ignore_comments: bool = False
    ignore_baseline: bool = False
    settings: tuple[tuple[str, Any], ...] = ()
    """Fields of CheckSettings that the command line replaces."""


def checked(asked: Asked) -> tuple[Checked, CheckSettings]:
    """Run what was asked.

    Raises:
        typer.Exit: 2, with one sentence, when targets, settings, comments, baseline or revision cannot be used; 3 when the
            check itself fails.
    """
    from fastness.checker import checking
    from fastness.checker.baseline import BaselineError
    from fastness.checker.changes import ChangesError
    from fastness.checker.rulebook import BadRuleError, UnknownRuleError
    from fastness.checker.settings import SettingsError, read

    folders, modules = _sorted(asked.targets)
    # The interpreter is started elsewhere; a link to it is what makes it an environment's, so it is not followed.
    python = str(Path(asked.python).absolute()) if Path(asked.python).exists() and asked.python else asked.python
    try:
        settings = [replace(read(folder), **dict(asked.settings)) for folder in folders]
        if (asked.load or asked.probe) and not modules and len(folders) == 1 and settings[0].target:
            modules = [settings[0].target]
        if asked.probe and not modules:
            usage("--probe attacks a loaded application: name it as module:app, or as target in pyproject.toml")
        if asked.load and not modules:
            usage("--load: pyproject.toml names no target")
        runs = []
        for folder, own in zip(folders, settings, strict=True):
            for words in checking.unseen(own, trusted=asked.own_rules):
                note(words)
            request = checking.Request(
                folder, tuple(modules), probe=asked.probe, python=python, settings=own,
                book=_book(own, trusted=asked.own_rules), since=asked.since,
                ignore_comments=asked.ignore_comments, ignore_baseline=asked.ignore_baseline,
            )  # fmt: skip
            runs.append(checking.check(request))
    except typer.Exit:
        raise
    except (SettingsError, UnknownRuleError, BadRuleError, BaselineError, ChangesError) as error:
        usage(str(error))
    except Exception:  # noqa: BLE001 - code 1 would say that something was found
        traceback.print_exc()
        note("the check itself failed, so nothing is known; please report the lines above")
        raise typer.Exit(3) from None
    if len(runs) == 1:
        return runs[0], settings[0]
    return checking.joined(Path(os.path.commonpath([folder.resolve() for folder in folders])), runs), settings[0]


def _sorted(targets: Iterable[str]) -> tuple[list[Path], list[str]]:
    folders, modules = list[Path](), list[str]()
    for target in targets:
        path = Path(target)
        if path.exists():
            if not path.is_dir() and path.suffix != ".py":
                usage(f"{target!r} is neither a folder nor a Python file")
            folders.append(path)
        elif _LOADED.match(target):
            modules.append(target)
        else:
            usage(f"{target!r} is no folder, no Python file and no module:app")
    if modules and len(folders) > 1:
        usage("name one folder with module:app")
    return folders or [Path()], modules


def _book(settings: CheckSettings, *, trusted: bool) -> Rulebook | None:
    if not trusted or not settings.rules:
        return None
    from fastness.checker.rulebook import with_own

    sys.path.insert(0, str(settings.folder.resolve()))
    try:
        return with_own(settings.rules)
    finally:
        sys.path.pop(0)


def note(text: str) -> None:
    """A remark that is no part of a report."""
    typer.echo(f"fastness: {text}", err=True)


def usage(text: str) -> NoReturn:
    """End with 2 and one sentence."""
    note(text)
    raise typer.Exit(2)


def write(path: Path, text: str) -> None:
    """Write a file.

    Raises:
        typer.Exit: 2, when it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        usage(f"{path} cannot be written: {error.strerror}")
