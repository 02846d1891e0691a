"""The baseline: findings that a project knows and has not yet repaired, so that only new ones fail.

An entry is a fingerprint (rule, path, route, normalised code), never a line, so that moved code keeps its entry. The rest
of an entry is for the people who read the file.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastness.checker.finding import Finding


class BaselineError(Exception):
    """The file is no baseline that this release can read; the message names it."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One finding that is known, `count` times."""

    fingerprint: str
    rule: str
    path: str
    message: str
    count: int = 1
    line: int = 1
    """Of the baseline file."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """The entries of one file."""

    path: str
    entries: tuple[Entry, ...]

    def known(self) -> Counter[str]:
        """How many findings of each fingerprint are known."""
        return Counter({entry.fingerprint: entry.count for entry in self.entries})


def read(file: Path, *, shown: str = "") -> Baseline:
    """The baseline of a file; `shown` is its path as findings name it.

    Raises:
        BaselineError: it cannot be read or is none.
    """
    try:
        text = file.read_text(encoding="utf-8")
        document: Any = json.loads(text)
        if document["schema"] != 1:
            raise BaselineError(
                f"baseline {file}: schema {document['schema']} is not 1; write it anew with --write-baseline"
            )
        lines = text.splitlines()
        entries = tuple(
            Entry(
                str(entry["fingerprint"]), str(entry["rule"]), str(entry["path"]), str(entry.get("message", "")),
                int(entry.get("count", 1)), _line(lines, str(entry["fingerprint"])),
            )
            for entry in document["findings"]
        )  # fmt: skip
    except OSError as error:
        raise BaselineError(f"baseline {file} cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise BaselineError(f"baseline {file} is no baseline ({type(error).__name__}: {error})") from error
    return Baseline(shown or file.name, entries)


def text_of(findings: Iterable[Finding]) -> str:
    """The file for these findings: sorted, one entry a fingerprint, so that a diff shows what changed."""
    counts = Counter(finding.fingerprint for finding in findings)
    first = {finding.fingerprint: finding for finding in reversed(list(findings))}
    entries: list[dict[str, Any]] = [
        {"fingerprint": mark, "rule": found.rule, "path": found.place.path, "route": found.route, "message": found.message,
         "count": counts[mark]}
        for mark, found in sorted(first.items(), key=lambda item: (item[1].place.path, item[1].rule, item[0]))
    ]  # fmt: skip
    return json.dumps({"schema": 1, "findings": entries}, indent=1, ensure_ascii=False) + "\n"


def _line(lines: list[str], fingerprint: str) -> int:
    return next((number for number, line in enumerate(lines, start=1) if fingerprint in line), 1)
