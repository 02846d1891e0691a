"""
## What it looks for
A Python file that this release cannot parse, also not as the syntax of a newer Python or as a project template.

## Why it matters
What was not read was not checked: a file that is skipped in silence may be the one that authenticates.

## Bad
    def broken(:

## Good
    def whole() -> None: ...

## How it is found
`ast` reads a file first, then libcst, which knows the syntax of newer Pythons. What both refuse, files larger than 5 MB
and files that are no text are reported.

## What it cannot see
Files in folders that are never read, as `.venv`, `node_modules` and `build`.

## How to tell the checker
`exclude = ["generated/*"]` in `[tool.fastness.check]`.

## References
The JSON report lists skipped files under `seen.skipped`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from fastness.checker.finding import Finding, Place, Severity
from fastness.checker.rule import Rule

if TYPE_CHECKING:
    from fastness.checker.evidence.project import Project


class UnreadFile(Rule):
    """One finding a file."""

    id, name, control, severity = "FN901", "unread-file", "access", Severity.HIGH
    why = "what was not read was not checked"
    fix = "repair the file, or exclude it if it is no code of the application"

    def read(self, project: Project) -> Iterator[Finding]:
        """Lens 1."""
        for unread in project.unread:
            yield self.found(Place(unread.path, unread.line), f"not read: {unread.why}", subject="unread")
