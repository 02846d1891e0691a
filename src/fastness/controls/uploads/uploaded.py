"""A file that was uploaded and found good: where it lies until the request ends, and how to keep it."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from anyio import to_thread

from fastness.core.errors import UnsafeConfiguration

_PIECE = 262_144


def random_name(ending: str = "") -> str:
    """A name that nobody guesses: 192 bits."""
    return secrets.token_urlsafe(24) + ending


@dataclass(slots=True)
class Uploaded:
    """One file. It is removed when the request ends, whatever happens, unless it was kept."""

    name: str
    """What the client calls it, to show to people: a safe file name, or empty. Never a path to write to."""
    type: str
    """Its media type, by its content."""
    extension: str
    """What files of this type end with, as in `.png`."""
    size: int
    """Bytes."""
    path: Path = field(repr=False)
    """Where it lies: a random name, mode 0600."""
    fields: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    """The text fields of the form, of those that were asked for."""
    served: tuple[Path, ...] = field(default=(), repr=False)
    """Folders that the application serves as static files."""
    kept: bool = False

    def open(self) -> BinaryIO:
        """The file, to be read from its beginning."""
        return self.path.open("rb")

    async def chunks(self, size: int = _PIECE) -> AsyncIterator[bytes]:
        """Its content, piece by piece, read in a thread."""
        with await to_thread.run_sync(self.open) as file:
            while piece := await to_thread.run_sync(file.read, size):
                yield piece

    async def keep(self, folder: str | os.PathLike[str]) -> Path:
        """Move it into `folder`, which must exist, under a new random name with the extension of its type.

        Whole or not at all; mode 0600. Keep `name` in your database, beside the path.

        Raises:
            UnsafeConfiguration: the folder is one that the application serves as static files (ASVS 5.3.1).
            OSError: the folder is not there, or full.
        """
        return await to_thread.run_sync(self._keep, Path(folder))

    def discard(self) -> None:
        """Remove it now, unless it was kept."""
        if not self.kept:
            with contextlib.suppress(FileNotFoundError):
                self.path.unlink()

    def _keep(self, folder: Path) -> Path:
        refuse_served(folder, self.served)
        target = folder / random_name(self.extension)
        try:
            os.link(self.path, target)  # unlike rename, it never replaces anything
        except OSError:
            _copy(self.path, target)  # another file system, or one without links
        self.kept = True
        self.path.unlink(missing_ok=True)
        self.path = target
        return target


def refuse_served(folder: Path, served: tuple[Path, ...]) -> None:
    """
    Raises:
        UnsafeConfiguration: `folder` is, or lies in, one that is served.
    """
    real = folder.resolve()
    if any(real.is_relative_to(other) for other in served):
        raise UnsafeConfiguration(
            "uploads would lie in a folder that is served as static files",
            where=str(folder),
            why="whoever uploads a page could have it opened under your own origin (ASVS 5.3.1)",
            fix="keep uploads elsewhere, and hand them out with fastness.controls.uploads.download",
        )


def _copy(source: Path, target: Path) -> None:
    part = target.with_name(random_name(".part"))
    try:
        with (
            source.open("rb") as read,
            os.fdopen(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as write,
        ):
            shutil.copyfileobj(read, write, _PIECE)
            write.flush()
            os.fsync(write.fileno())
        part.rename(target)
    finally:
        part.unlink(missing_ok=True)
