"""Where settings come from: the environment, then `.env`, then a folder of secret files (Docker, Kubernetes)."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from pathlib import Path

from fastness.core.errors import UnsafeConfiguration

PREFIX = "FASTNESS_"
FOLDER = "FASTNESS_SECRETS_DIR"
"""The variable that names the folder; a file in it is named like the variable it stands for."""

_LARGEST = 64 * 1024
"""Bytes of one secret file; more is a mistake, or an attempt to fill the memory."""
_LARGEST_ENV_FILE = 1024 * 1024


@dataclass
class Sources:
    """The variables of each source under upper-case names, first source first, and what could not be read."""

    environment: dict[str, str] = field(default_factory=dict[str, str], repr=False)
    env_file: dict[str, str] = field(default_factory=dict[str, str], repr=False)
    folder: dict[str, str] = field(default_factory=dict[str, str], repr=False)
    problems: list[UnsafeConfiguration] = field(default_factory=list[UnsafeConfiguration])

    def layers(self) -> tuple[dict[str, str], ...]:
        """The sources in the order in which they win."""
        return self.environment, self.env_file, self.folder

    def place(self, name: str) -> str:
        """Where a variable was set, for the operator."""
        if name in self.environment:
            return f"{name} in the environment"
        if name in self.env_file:
            return f"{name} in .env"
        return f"the file {name} in {FOLDER}" if name in self.folder else name


def gather(env_file: Path | None) -> Sources:
    """Read every source once. Nothing in here raises for what it finds; it is listed as a problem instead."""
    found = Sources(environment={name.upper(): value for name, value in os.environ.items()})
    if env_file is not None and env_file.is_file():
        _read_env_file(env_file, found)
    folder = found.environment.get(FOLDER)
    if folder:
        _read_folder(Path(folder), found)
    return found


def _read_env_file(path: Path, found: Sources) -> None:
    from dotenv import dotenv_values

    values: dict[str, str | None] | None = None
    try:
        if path.stat().st_size <= _LARGEST_ENV_FILE:
            values = dotenv_values(path, encoding="utf-8-sig")
    except (OSError, ValueError):
        values = None
    if values is None:
        found.problems.append(
            UnsafeConfiguration(
                "the .env file cannot be read",
                where=".env",
                why="settings in it would silently be missing",
                fix="make it a readable UTF-8 text of at most 1 MiB, or remove it",
            )
        )
        return
    found.env_file = {name.upper(): value for name, value in values.items() if value is not None}


def _read_folder(folder: Path, found: Sources) -> None:
    try:
        inside = folder.resolve(strict=True)
        entries = sorted(entry for entry in inside.iterdir() if not entry.name.startswith("."))
    except (OSError, RuntimeError):
        found.problems.append(
            UnsafeConfiguration(
                "the folder of secrets cannot be read",
                where=FOLDER,
                why="secrets in it would silently be missing",
                fix="name an existing folder that this process may list, or unset the variable",
            )
        )
        return
    for entry in entries:
        name = entry.name.upper()
        if not name.startswith(PREFIX) and not name.endswith("_URL"):
            continue
        try:
            found.folder[name] = _read_secret(entry, inside)
        except (OSError, RuntimeError, ValueError):
            found.problems.append(
                UnsafeConfiguration(
                    "a secret file is not one",
                    where=f"a file in {FOLDER}",
                    why="links that leave the folder, devices, pipes and huge files can leak or block (CWE-59)",
                    fix="make it a regular UTF-8 file of at most 64 KiB whose links stay inside the folder",
                )
            )


def _read_secret(entry: Path, inside: Path) -> str:
    real = entry.resolve(strict=True)
    if inside not in real.parents:
        raise ValueError("leaves the folder")
    # O_NOFOLLOW and fstat: what was checked is what is read. O_NONBLOCK: a pipe must not stop the start.
    handle = os.open(real, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    with os.fdopen(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise ValueError("not a regular file")
        raw = file.read(_LARGEST + 1)
    if len(raw) > _LARGEST:
        raise ValueError("too large")
    return raw.decode("utf-8-sig").strip()
