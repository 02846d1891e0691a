"""Which lines changed since a revision: git is asked, for `--diff REF`."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from fastness.checker.finding import Finding

TIMEOUT_SECONDS = 60
_HUNK = re.compile(r"\A@@ -\d+(?:,\d+)? \+(\d+)(?:,(\d+))? @@")
# What a repository's own configuration could make git start. Filters stay: without them the working tree reads as changed.
_QUIET = (
    "-c",
    "core.fsmonitor=false",
    "-c",
    "core.hooksPath=/dev/null",
    "-c",
    "core.quotePath=false",
)


class ChangesError(Exception):
    """git cannot say what changed; the message is git's own first line."""


@dataclass(frozen=True, slots=True)
class Changes:
    """Changed lines by path from the checked folder; a file with None is new as a whole."""

    lines: Mapping[str, tuple[range, ...] | None]

    def touch(self, finding: Finding) -> bool:
        """Whether a line of the finding changed."""
        place = finding.place
        spans = self.lines.get(place.path, ())
        last = max(place.line, place.end_line)
        return spans is None or any(span.start <= last and place.line < span.stop for span in spans)


def since(ref: str, root: Path) -> Changes:
    """What changed under `root` between the revision and the working tree, files that git does not know yet included.

    Raises:
        ChangesError: git is missing, `root` is in no repository, or there is no such revision.
    """
    if not ref or ref.startswith("-"):
        raise ChangesError(f"{ref!r} is no revision")
    resolved = _git(
        root,
        "rev-parse",
        "--verify",
        "--quiet",
        "--end-of-options",
        f"{ref}^{{commit}}",
        missing=f"git knows no revision {ref!r}",
    )
    text = _git(
        root,
        "diff",
        "--unified=0",
        "--no-color",
        "--no-ext-diff",
        "--no-textconv",
        "--relative",
        resolved.strip(),
        "--",
        ".",
    )
    lines: dict[str, tuple[range, ...] | None] = {}
    path = ""
    for line in text.splitlines():
        if line.startswith("+++ "):
            path = line[4:].rstrip("\t").removeprefix("b/")
        elif (hunk := _HUNK.match(line)) and path != "/dev/null":
            start, count = int(hunk[1]), int(hunk[2] or 1)
            # Where lines were only taken away, the neighbours changed their meaning.
            span = range(start, start + count) if count else range(max(start, 1), start + 2)
            lines[path] = (*(lines.get(path) or ()), span)
    for new in _git(root, "ls-files", "--others", "--exclude-standard", "-z").split("\0"):
        if new:
            lines[new] = None
    return Changes(lines)


def _git(root: Path, *words: str, missing: str = "") -> str:
    try:
        done = subprocess.run(  # noqa: S603 - fixed words, no shell
            ["git", "--no-pager", *_QUIET, *words],  # noqa: S607 - the caller's own git
            cwd=root, capture_output=True, text=True, errors="replace", check=False, timeout=TIMEOUT_SECONDS,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ChangesError(f"git did not answer ({type(error).__name__})") from error
    if done.returncode:
        said = done.stderr.strip().splitlines()
        raise ChangesError(missing or (said[0] if said else f"git {words[0]} failed"))
    return done.stdout
