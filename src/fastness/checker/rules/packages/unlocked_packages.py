"""
## What it looks for
A project without a lock file, or with one that holds no hashes.

## Why it matters
Without a lock, tests and production run different code, and nobody can say which versions an audit was about. Without
hashes, a package that was replaced at the index or on the way is installed without a word.

## Bad
    # file: pyproject.toml
    [project]
    name = "shop"
    dependencies = ["fastapi>=0.165"]

## Good
    # file: requirements.txt
    fastapi==0.165.0 --hash=sha256:0f5a1e2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f708192a3b4c5d6e7

## How it is found
Lock files by name, and requirements files where every entry is exact; hashes in any entry of them. Libraries, which must
not lock what they are installed beside, look the same: that is why only the pedantic persona sees it.

## What it cannot see
A lock that is kept elsewhere, as inside an image.

## How to tell the checker
`ignore = ["FN804"]` in `[tool.fastness.check]`, where a library is checked.

## References
OWASP API8:2023, ASVS 15.2.1, CWE-1357. Guide line 11.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from fastness.checker.finding import Finding, Persona, Place, Severity
from fastness.checker.rule import Rule

if TYPE_CHECKING:
    from fastness.checker.evidence.packages import Packages


class UnlockedPackages(Rule):
    """Pedantic: libraries look the same."""

    id, name, control, severity = "FN804", "unlocked-packages", "dependencies", Severity.LOW
    persona = Persona.PEDANTIC
    owasp, asvs, cwe, guide = ("API8:2023",), ("15.2.1",), (1357,), (11,)
    why = "nobody can say which versions run, or that they are the published ones"
    fix = "commit a lock file with hashes: uv lock, or uv pip compile --generate-hashes"

    def audit(self, packages: Packages) -> Iterator[Finding]:
        """Lens 4."""
        asked = [wanted for wanted in packages.requirements if not wanted.development]
        if not asked:
            return
        if not packages.locks:
            yield self.found(Place(asked[0].place.path), "no lock file says which versions run", subject="no lock")
            return
        held = [package for package in packages.packages if package.place.path in packages.locks]
        if held and not any(package.hashed for package in held):
            yield self.found(Place(packages.locks[0]), "the lock file holds no hashes", subject="no hashes")
