"""Which files are part of a git repository, read from its index and `.gitignore` without running git."""

from __future__ import annotations

import fnmatch
import re
from dataclasses import dataclass
from pathlib import Path

LARGEST = 50_000_000
"""Bytes of an index that is read."""


@dataclass(frozen=True, slots=True)
class Tracked:
    """The files that git knows under one folder."""

    paths: frozenset[str] | None
    """Relative to the folder; None where there is no index."""
    ignored: tuple[str, ...]
    """Patterns of `.gitignore`, where there is no index."""

    def holds(self, path: str) -> bool:
        """Whether a file is part of the repository, or would be when there is no index to ask."""
        if self.paths is not None:
            return path in self.paths
        name = path.rpartition("/")[2]
        return not any(fnmatch.fnmatchcase(name, one) or fnmatch.fnmatchcase(path, one) for one in self.ignored)


def tracked(folder: Path) -> Tracked:
    """What git tracks in a folder."""
    root = folder.resolve()
    for above in (root, *root.parents):
        index = above / ".git" / "index"
        if index.is_file():
            names = _names(index)
            if names is not None:
                prefix = root.relative_to(above).as_posix()
                inside = prefix if prefix == "." else f"{prefix}/"
                mine = names if inside == "." else {n.removeprefix(inside) for n in names if n.startswith(inside)}
                return Tracked(frozenset(mine), ())
    return Tracked(None, tuple(_ignored(root)))


def _names(index: Path) -> set[str] | None:
    """The paths of an index of version 2 or 3 (gitformat-index); None for others, whose paths are packed."""
    try:
        data = index.read_bytes() if index.stat().st_size < LARGEST else b""
    except OSError:
        return None
    if data[:4] != b"DIRC" or int.from_bytes(data[4:8], "big") not in {2, 3}:
        return None
    count, at = int.from_bytes(data[8:12], "big"), 12
    names: set[str] = set()
    for _ in range(count):
        flags = int.from_bytes(data[at + 60 : at + 62], "big")
        start = at + (64 if flags & 0x4000 else 62)
        end = data.find(b"\0", start)
        if end < 0:
            return None
        names.add(data[start:end].decode(errors="replace"))
        at += (end - at) // 8 * 8 + 8
    return names


def _ignored(folder: Path) -> list[str]:
    try:
        lines = (folder / ".gitignore").read_text(errors="replace").splitlines()
    except OSError:
        return []
    written = [re.sub(r"^/|/$", "", line.strip()) for line in lines]
    return [line for line in written if line and not line.startswith(("#", "!"))]
