"""What one run of the checker saw and says: what the engine hands to the reports and to the exit code."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from fastness.checker.finding import Finding, Lens, Severity

if TYPE_CHECKING:
    from fastness.checker.evidence.model import Application, Route
    from fastness.checker.rule import Rule

Status = Literal["clean", "findings", "not analysed"]
CLEAN, FOUND, USAGE, BLIND, INTERRUPTED = 0, 1, 2, 3, 130
_SHOWN = 400
"""Characters of a quoted line: a minified file is one line of a megabyte."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file that was not read, and why."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class Silenced:
    """A finding that somebody decided not to see, and why."""

    finding: Finding
    by: Literal["comment", "baseline", "setting"]
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Loading:
    """What became of loading the application."""

    asked: bool = False
    done: bool = False
    text: str = "static: the application was not loaded"
    """For people: the interpreter and FastAPI's version, or the reason why it did not load."""


@dataclass(frozen=True, slots=True)
class Audit:
    """What the packages lens looked at, and in which source."""

    source: str = ""
    """For people: `built-in table of 2026-11-23`, `OSV records in advisories/`. Empty when packages were not looked at."""
    complete: bool = False
    """False for the built-in table, which knows a few well-known advisories only."""
    packages: int = 0
    problem: str = ""
    """Why the source that was asked for could not be read."""

    def __str__(self) -> str:
        if self.problem:
            return f"packages: not audited ({self.problem})"
        if not self.source:
            return "packages: not audited"
        how = "audited" if self.complete else "partly audited"
        return f"packages: {how}, {self.packages} versions against the {self.source}"


@dataclass(frozen=True, slots=True)
class Sources:
    """The lines of the checked files, for quoting."""

    root: Path
    _kept: dict[str, tuple[str, ...]] = field(default_factory=dict, repr=False, compare=False)

    def line(self, path: str, number: int) -> str:
        """One line, counted from 1, without its end; empty where there is none."""
        if path not in self._kept:
            self._kept[path] = tuple(self._read(path))
        lines = self._kept[path]
        return lines[number - 1][:_SHOWN] if 0 < number <= len(lines) else ""

    def _read(self, path: str) -> Iterator[str]:
        file = self.root / path
        try:
            text = file.read_text(encoding="utf-8", errors="replace") if file.is_file() else ""
        except OSError:
            return
        for line in text.split("\n"):
            # A stranger's file may hold what drives a terminal.
            yield "".join(c if c.isprintable() or c == "\t" else "?" for c in line.rstrip("\r"))


@dataclass(frozen=True, slots=True)
class Outcome:
    """One run: its findings, surest and worst first, and how much it saw."""

    root: Path
    findings: tuple[Finding, ...] = ()
    silenced: tuple[Silenced, ...] = ()
    applications: tuple[Application, ...] = ()
    files: int = 0
    lines: int = 0
    skipped: tuple[Skipped, ...] = ()
    loading: Loading = Loading()
    audit: Audit = Audit()
    rules: tuple[type[Rule], ...] = ()
    """The rules that ran."""
    lenses: frozenset[Lens] = frozenset({"read", "inspect", "audit"})
    fail_on: Severity = Severity.MEDIUM
    seconds: float = 0.0
    complaints: tuple[str, ...] = ()
    """Why this run cannot speak for the target, beyond what the numbers show."""

    @property
    def sources(self) -> Sources:
        """The lines of the checked files; keep it, it remembers what it read."""
        return Sources(self.root)

    @property
    def routes(self) -> tuple[Route, ...]:
        """Every route but mounts, of all applications."""
        return tuple(route for app in self.applications for route in app.routes if route.kind != "mount")

    @property
    def routes_total(self) -> int:
        """How many routes there are by count, seen or not."""
        return sum(max(app.total, sum(r.kind != "mount" for r in app.routes)) for app in self.applications)

    @property
    def blind(self) -> tuple[str, ...]:
        """Why nothing can be said, or not what was asked for; empty when the run may speak."""
        reasons = [*self.complaints]
        if not self.files:
            reasons.append("no file could be read")
        if not self.routes:
            reasons.append("no route was found")
        if self.loading.asked and not self.loading.done:
            reasons.append(f"the application was not loaded: {self.loading.text}")
        if self.audit.problem:
            reasons.append(f"the advisory source could not be read: {self.audit.problem}")
        return tuple(reasons)

    @property
    def failing(self) -> tuple[Finding, ...]:
        """The findings at or above `fail_on`."""
        return tuple(finding for finding in self.findings if finding.severity >= self.fail_on)

    @property
    def status(self) -> Status:
        """`not analysed` goes first: a blind run is never clean."""
        if self.blind:
            return "not analysed"
        return "findings" if self.findings else "clean"

    @property
    def exit_code(self) -> int:
        """0 clean, 1 findings at or above `fail_on`, 3 could not analyse."""
        if self.blind:
            return BLIND
        return FOUND if self.failing else CLEAN

    def counts(self) -> dict[Severity, int]:
        """How many findings of each severity, worst first, none left out."""
        return {level: sum(f.severity is level for f in self.findings) for level in sorted(Severity, reverse=True)}

    def summary(self) -> str:
        """The last line of every report for people."""
        found, counts = len(self.findings), self.counts()
        named = ", ".join(f"{count} {level.name.lower()}" for level, count in counts.items() if count)
        fixable = sum(bool(finding.fixes) for finding in self.findings)
        return (
            f"Found {counted(found, 'problem')}{f' ({named})' if named else ''} in {counted(len(self.routes), 'route')}, "
            f"{counted(self.files, 'file')}, {self.seconds:.1f} s."
            + (f" {fixable} fixable with --fix." if fixable else "")
        )


def counted(number: int, noun: str) -> str:
    """`1 route`, `2 routes`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"
