"""Finds the interpreter that has what the checked application needs."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

_FOLDERS = (".venv", "venv", "env")


def interpreter_of(root: Path, *, python: str = "", environment: Mapping[str, str] | None = None) -> str:
    """The named one; else the active virtual environment's; else the target's own; else ours. An absolute path."""
    if python:
        path = Path(python)
        named = (_of(path) or path) if path.is_dir() else Path(shutil.which(python) or path)
        return os.path.abspath(named)  # noqa: PTH100 - resolve() would leave the virtual environment
    # It is started in another folder than this one.
    given = os.environ if environment is None else environment
    return os.path.abspath(next(_candidates(root.absolute(), given), sys.executable))  # noqa: PTH100 - see above


def _candidates(root: Path, environment: Mapping[str, str]) -> Iterator[Path]:
    active = environment.get("VIRTUAL_ENV") or environment.get("CONDA_PREFIX")
    folders = [Path(active)] if active else []
    # A service of a larger repository often uses the environment at its top.
    for folder in (root, *root.parents[:3]):
        folders += [folder / name for name in _FOLDERS]
        if (folder / ".git").exists():
            break
    for each in folders:
        found = _of(each)
        if found is not None:
            yield found


def _of(folder: Path) -> Path | None:
    return next((p for p in (folder / "bin" / "python", folder / "Scripts" / "python.exe") if p.exists()), None)
