"""A copy of the checked folder that an application may write into, so that nothing of the original changes."""

from __future__ import annotations

import os
import re
import shutil
import stat
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_FOLDERS = frozenset({
    ".git", ".hg", ".svn", ".venv", "venv", "env", "node_modules", "__pycache__", ".tox", ".nox", ".idea", ".vscode",
    ".mypy_cache", ".pytest_cache", ".ruff_cache", ".hypothesis", "site-packages", "htmlcov",
})  # fmt: skip
_DATA = frozenset({".db", ".sqlite", ".sqlite3", ".db-wal", ".db-shm", ".pyc", ".log"})
_EXAMPLES = ("example", "sample", "template", "dist")
_MISSING = re.compile(r"'([^']*\.env[^'/]*)'")
_LARGEST_FILE = 20 * 1024 * 1024
_LARGEST_FOLDER = 500 * 1024 * 1024
_MOST_FILES = 50_000


class TooLarge(Exception):
    """The folder is more than anybody wants copied for a check."""


@dataclass(frozen=True, slots=True)
class Scratch:
    """A temporary folder: `tree` is the copy, `tmp` and `home` are empty."""

    folder: Path
    original: Path

    @classmethod
    def of(cls, original: Path) -> Scratch:
        """Copy `original` without environments, version control, databases and files of secrets (`.env`).

        Raises:
            TooLarge: over 500 MB or 50,000 files.
        """
        scratch = cls(Path(tempfile.mkdtemp(prefix="fastness-check-")).resolve(), original.resolve())
        try:
            for name in ("tmp", "home", "mail", "tree"):
                (scratch.folder / name).mkdir()
            scratch._copy()
        except BaseException:
            scratch.remove()
            raise
        return scratch

    @property
    def tree(self) -> Path:
        """The copy of the checked folder."""
        return self.folder / "tree"

    def relative(self, file: str) -> str | None:
        """Where a file of the copy, or of the original, stands in the checked folder; None for any other file."""
        path = Path(os.path.realpath(file))
        for base in (self.tree, self.original):
            if path.is_relative_to(base):
                found = path.relative_to(base)
                return None if _FOLDERS & set(found.parts) else found.as_posix()
        return None

    def emptied(self, reason: str) -> bool:
        """Whether a failure names a file of secrets that is not in the copy; now it is, and empty."""
        for name in _MISSING.findall(reason) if "FileNotFoundError" in reason else ():
            path = Path(os.path.normpath(self.tree / name))
            if path.is_relative_to(self.tree) and _left_out(path.name) and not path.exists() and path.parent.is_dir():
                path.touch()
                return True
        return False

    def remove(self) -> None:
        """Delete everything."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _copy(self) -> None:
        files = size = 0
        for source, information in self._files():
            files, size = files + 1, size + information.st_size
            if files > _MOST_FILES or size > _LARGEST_FOLDER:
                raise TooLarge(f"{self.original} holds more than {_MOST_FILES:,} files or {_LARGEST_FOLDER >> 20} MB")
            target = self.tree / source.relative_to(self.original)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)

    def _files(self) -> Iterator[tuple[Path, os.stat_result]]:
        for folder, folders, names in os.walk(self.original):
            # An environment has a name of its own choosing.
            folders[:] = [f for f in folders if f not in _FOLDERS and not Path(folder, f, "pyvenv.cfg").exists()]
            # Applications expect empty folders too (uploads, logs).
            (self.tree / Path(folder).relative_to(self.original)).mkdir(parents=True, exist_ok=True)
            for name in names:
                path = Path(folder, name)
                if _left_out(name) or not path.resolve().is_relative_to(self.original):
                    continue
                try:
                    information = path.stat()
                except OSError:
                    continue
                if stat.S_ISREG(information.st_mode) and information.st_size <= _LARGEST_FILE:
                    yield path, information


def _left_out(name: str) -> bool:
    if name == ".env" or name.startswith(".env.") or name.endswith(".env"):
        return not any(word in name for word in _EXAMPLES)
    return Path(name).suffix in _DATA
