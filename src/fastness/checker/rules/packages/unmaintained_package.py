"""
## What it looks for
A package that does security work and that nobody maintains, or whose authors say not to use it.

## Why it matters
The next flaw in it will not be repaired, and it breaks when what it stands on moves: passlib 1.7.4 fails on every hash
with bcrypt 5.

## Bad
    # file: requirements.txt
    fastapi==0.165.0
    pycrypto==2.6.1

## Good
    # file: requirements.txt
    fastapi==0.165.0
    cryptography==50.0.0

## How it is found
A table of names, each with its reason and its successor. Packages that only other packages ask for are left to the
auditor persona.

## What it cannot see
Unmaintained packages that are not in the table.

## How to tell the checker
`# fastness: ignore[FN803] reason` on the line of the package.

## References
OWASP API8:2023, ASVS 15.2.1, CWE-1104.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fastness.checker.finding import Finding, Persona, Severity
from fastness.checker.rule import Rule

if TYPE_CHECKING:
    from fastness.checker.evidence.packages import Packages


@dataclass(frozen=True, slots=True)
class Abandoned:
    """Why not to use it, and what to use."""

    reason: str
    instead: str
    severity: Severity = Severity.LOW
    persona: Persona = Persona.PEDANTIC


KNOWN: Mapping[str, Abandoned] = {
    "passlib": Abandoned(
        "no release since 2020; 1.7.4 fails on every hash with bcrypt 5", "pwdlib[argon2]", Severity.MEDIUM
    ),
    "python-jose": Abandoned(
        "two releases since 2021, both for emergencies; accepts unknown critical headers, and crafted ones end in a 500",
        "joserfc", Severity.MEDIUM,
    ),
    "pycrypto": Abandoned("no release since 2013, with published flaws", "cryptography", Severity.HIGH, Persona.REGULAR),
    "python-jwt": Abandoned("archived by its author", "joserfc", Severity.MEDIUM, Persona.REGULAR),
    "fastapi-jwt-auth": Abandoned("no release since 2020", "joserfc, or fastness", Severity.MEDIUM, Persona.REGULAR),
    "fastapi-jwt-auth3": Abandoned("a fork without releases", "joserfc, or fastness", Severity.LOW),
    "ecdsa": Abandoned("its authors say that it is not for production", "cryptography"),
    "aioredis": Abandoned("became part of redis", "redis"),
    "safety": Abandoned("its check command is unsupported since 2024", "pip-audit or uv audit"),
}  # fmt: skip


class UnmaintainedPackage(Rule):
    """Most are for the pedantic: half of all FastAPI applications have one of them, and know."""

    id, name, control, severity = "FN803", "unmaintained-package", "dependencies", Severity.MEDIUM
    owasp, asvs, cwe = ("API8:2023",), ("15.2.1",), (1104,)
    why = "its next flaw will not be repaired"
    fix = "use its successor"

    def audit(self, packages: Packages) -> Iterator[Finding]:
        """Lens 4."""
        asked = {wanted.name for wanted in packages.requirements}
        for name, place in packages.places.items():
            known = KNOWN.get(name)
            if known is None:
                continue
            yield self.found(
                place,
                f"{name} is not maintained: {known.reason}",
                severity=known.severity,
                persona=known.persona if name in asked else Persona.AUDITOR,
                subject=name,
                fix=f"use {known.instead}",
            )
