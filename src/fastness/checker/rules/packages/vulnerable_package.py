"""
## What it looks for
A locked, pinned or installed package at a version with a published vulnerability.

## Why it matters
An advisory is a recipe: whoever reads it knows what to send to everybody who has not updated.

## Bad
    # file: requirements.txt
    python-multipart==0.0.17

## Good
    # file: requirements.txt
    python-multipart==0.0.34

## How it is found
Exact versions come from uv.lock, poetry.lock, pdm.lock, pylock.toml, Pipfile.lock, pins in requirements files and the
metadata folders of the project's environment; nothing is executed. They are compared with a dated built-in table of
well-known advisories, or with what `--advisories` names: a folder of OSV records, an OSV service, or the JSON report of
`uv audit` or `pip-audit`. One finding a package names all of its advisories; the fix names the lowest version without any.

## What it cannot see
With the built-in table, everything that the table does not hold: the run says "packages: partly audited". Whether your
code reaches the flaw.

## How to tell the checker
`# fastness: ignore[FN801] reason` on or above the line of the package in a requirements file or lock, or
`per-path-ignores` for a whole lock file.

## References
OWASP API8:2023, ASVS 15.2.1, CWE-1395. Guide line 11.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from fastness.checker.evidence.locks import known_version
from fastness.checker.finding import Confidence, Finding, Persona, Severity
from fastness.checker.rule import Rule

if TYPE_CHECKING:
    from fastness.checker.evidence.advisories import Advisory
    from fastness.checker.evidence.locks import Package
    from fastness.checker.evidence.packages import Packages

_NAMED = 3


class VulnerablePackage(Rule):
    """One finding a package, with the severity of its worst advisory."""

    id, name, control, severity = "FN801", "vulnerable-package", "dependencies", Severity.HIGH
    owasp, asvs, cwe, guide = ("API8:2023",), ("15.2.1",), (1395,), (11,)
    why = "the advisory tells everybody what to send"
    fix = "update the package"

    def audit(self, packages: Packages) -> Iterator[Finding]:
        """Lens 4."""
        for package, advisories in packages.advice.items():
            yield self._about(package, advisories, packages)

    def _about(self, package: Package, advisories: tuple[Advisory, ...], packages: Packages) -> Finding:
        worst = sorted(advisories, key=lambda advisory: -advisory.severity)
        named = "; ".join(f"{a.id}: {a.summary}" if a.summary else a.id for a in worst[:_NAMED])
        more = f"; and {len(worst) - _NAMED} more" if len(worst) > _NAMED else ""
        repaired = _repaired(package, advisories)
        wanted = packages.wanted(package.name)
        aside = wanted is not None and wanted.development
        return self.found(
            package.place,
            f"{package.name} {package.version} has {named}{more}",
            severity=worst[0].severity,
            confidence=Confidence.HIGH if package.source != "installed" else Confidence.MEDIUM,
            persona=Persona.PEDANTIC if aside else None,
            subject=" ".join((package.name, package.version, *sorted(a.id for a in advisories))),
            fix=f"update {package.name} to {repaired} or newer"
            if repaired
            else f"replace {package.name}: no version is repaired",
        )


def _repaired(package: Package, advisories: tuple[Advisory, ...]) -> str:
    """The lowest version that none of the advisories is about; empty when one of them has none."""
    version = known_version(package.version)
    if version is None:
        return ""
    updates = [advisory.update_for(version) for advisory in advisories]
    if not all(updates):
        return ""
    return max(updates, key=lambda text: known_version(text) or version)
