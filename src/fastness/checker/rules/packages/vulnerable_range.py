"""
## What it looks for
A range in pyproject.toml or a requirements file that keeps a repaired version out, or lets a vulnerable one in, where no
lock file decides.

## Why it matters
Without a lock the resolver decides on the day of the installation. A range whose upper bound lies below the repaired
version installs the vulnerable one on every machine.

## Bad
    # file: pyproject.toml
    [project]
    name = "shop"
    dependencies = ["starlette<0.40"]

## Good
    # file: pyproject.toml
    [project]
    name = "shop"
    dependencies = ["starlette>=1.3.1"]

## How it is found
Each range is compared with the advisories of the built-in table. A range that admits no repaired version is reported
always, one that merely admits a vulnerable one only to the pedantic persona: resolvers take the newest.

## What it cannot see
Ranges of packages that other packages ask for.

## How to tell the checker
`# fastness: ignore[FN802] reason` on the line of the range, or a lock file.

## References
OWASP API8:2023, ASVS 15.2.1, CWE-1104. Guide line 11.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from fastness.checker.evidence.advisories import built_in
from fastness.checker.evidence.versions import Version
from fastness.checker.finding import Confidence, Finding, Persona, Severity
from fastness.checker.rule import Rule

if TYPE_CHECKING:
    from fastness.checker.evidence.locks import Requirement
    from fastness.checker.evidence.packages import Packages


class VulnerableRange(Rule):
    """Ranges of packages for which no exact version is known."""

    id, name, control, severity = "FN802", "vulnerable-range", "dependencies", Severity.MEDIUM
    owasp, asvs, cwe, guide = ("API8:2023",), ("15.2.1",), (1104,), (11,)
    why = "the next installation may bring, or must bring, a version with a published flaw"
    fix = "raise the lower bound to the repaired version"

    def audit(self, packages: Packages) -> Iterator[Finding]:
        """Lens 4."""
        seen: set[str] = set()
        for wanted in packages.requirements:
            decided = packages.version_of(wanted.name)
            if wanted.development or wanted.name in seen or (decided and decided.source != "installed"):
                continue
            seen.add(wanted.name)
            yield from self._judged(wanted)

    def _judged(self, wanted: Requirement) -> Iterator[Finding]:
        spans = built_in().get(wanted.name, ())
        repaired = [(Version.of(span.fixed), advisory) for span, advisory in spans if span.fixed]
        if not repaired:
            return
        newest, advisory = max(repaired, key=lambda pair: pair[0])
        # Bounds are what closes a range above: a range that admits the repaired version, or anything higher, is open.
        shut = [(v, a) for v, a in repaired if not wanted.range.admits(v) and not _open_above(wanted, v)]
        written = f"{wanted.name} {wanted.range.text}".strip()
        if shut:
            worst = max(shut, key=lambda pair: (pair[1].severity, pair[0]))
            yield self.found(
                wanted.place,
                f"{written} admits no version without {worst[1].id}: {worst[1].summary}",
                severity=max(Severity.MEDIUM, worst[1].severity),
                subject=f"shut {written}",
                fix=f"write {wanted.name}>={newest}",
            )
        elif any(
            span.holds(version) and wanted.range.admits(version)
            for span, _ in spans
            for version in _samples(wanted, span.introduced)
        ):
            yield self.found(
                wanted.place,
                f"{written} admits versions with {advisory.id}, and no lock file decides",
                confidence=Confidence.MEDIUM,
                persona=Persona.PEDANTIC,
                subject=f"open {written}",
                fix=f"write {wanted.name}>={newest}, or commit a lock file",
            )


def _open_above(wanted: Requirement, version: Version) -> bool:
    """Whether the range admits something at or above this version."""
    far = Version.of(f"{version.release[0] + 1_000_000}.0")
    if wanted.range.admits(far):
        return True
    ceilings = [Version.of(clause.ceiling) for clause in wanted.range.clauses if clause.ceiling]
    ceilings += [clause.version for clause in wanted.range.clauses if clause.operator in {"<", "<=", "==", "==="}]
    return bool(ceilings) and min(ceilings) > version


def _samples(wanted: Requirement, introduced: str) -> Iterator[Version]:
    """Versions at the lower ends, one of which is admitted when the range overlaps with the affected versions."""
    yield Version.of(introduced if introduced != "0" else "0.0.1")
    yield from (
        clause.version for clause in wanted.range.clauses if clause.operator in {">=", "==", "===", "~=", "^", "~"}
    )
    yield from (Version.of(f"{clause.version}.1") for clause in wanted.range.clauses if clause.operator == ">")
