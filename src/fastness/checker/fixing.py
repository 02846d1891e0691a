"""`--fix`: exact edits, applied only where the file still holds what the finding saw."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from fastness.checker.finding import Finding, Fix

Span = tuple[int, int, str]
"""First character, the one after the last, and what stands there afterwards."""


@dataclass(frozen=True, slots=True)
class Rewrite:
    """One file before and after."""

    path: str
    before: str
    after: str

    def diff(self) -> str:
        """A unified diff."""
        return "".join(
            difflib.unified_diff(
                self.before.splitlines(keepends=True),
                self.after.splitlines(keepends=True),
                f"a/{self.path}",
                f"b/{self.path}",
            )
        )


@dataclass(frozen=True, slots=True)
class Repair:
    """What can be fixed, and what not."""

    rewrites: tuple[Rewrite, ...]
    fixed: tuple[Finding, ...]
    left: tuple[tuple[Finding, str], ...]
    """Findings with a fix that was not applied, and why."""

    def diff(self) -> str:
        """All files as one unified diff."""
        return "".join(rewrite.diff() for rewrite in self.rewrites)

    def write(self, root: Path) -> None:
        """Write the files."""
        for rewrite in self.rewrites:
            # Bytes, so that line ends stay as they are.
            (root / rewrite.path).write_bytes(rewrite.after.encode())


def repair(findings: Iterable[Finding], root: Path) -> Repair:
    """Apply the fixes in memory. All edits of a finding or none; of two that overlap, the first stays."""
    texts: dict[str, str] = {}
    edits: dict[str, list[Span]] = {}
    fixed: list[Finding] = []
    left: list[tuple[Finding, str]] = []
    for finding in findings:
        if not finding.fixes:
            continue
        placed: list[tuple[str, Span]] = []
        reason = ""
        for fix in finding.fixes:
            text = texts.setdefault(fix.path, _read(root, fix.path))
            start = _offset(text, fix)
            if start < 0:
                reason = f"{fix.path} changed since it was read"
                break
            placed.append((fix.path, (start, start + len(fix.old), fix.new)))
        if not reason and any(_meet(span, other) for path, span in placed for other in edits.get(path, ())):
            reason = "another fix changes the same place; run --fix again"
        if reason:
            left.append((finding, reason))
            continue
        for path, span in placed:
            if span not in edits.setdefault(path, []):
                edits[path].append(span)
        fixed.append(finding)
    rewrites = (Rewrite(path, texts[path], _edited(texts[path], spans)) for path, spans in sorted(edits.items()))
    return Repair(tuple(rewrites), tuple(fixed), tuple(left))


def _read(root: Path, path: str) -> str:
    file = (root / path).resolve()
    if not file.is_relative_to(root.resolve()) or (root / path).is_symlink():
        return ""
    try:
        return file.read_bytes().decode()
    except (OSError, UnicodeDecodeError):
        return ""


def _offset(text: str, fix: Fix) -> int:
    """Where the edit begins, or -1 where the file does not hold `old` there."""
    lines = text.splitlines(keepends=True)
    if not 0 < fix.line <= len(lines) or not fix.old:
        return -1
    start = sum(map(len, lines[: fix.line - 1])) + fix.column - 1
    return start if text.startswith(fix.old, start) else -1


def _meet(one: Span, other: Span) -> bool:
    return one != other and one[0] < other[1] and other[0] < one[1]


def _edited(text: str, spans: list[Span]) -> str:
    for start, end, new in sorted(spans, reverse=True):
        text = text[:start] + new + text[end:]
    return text
