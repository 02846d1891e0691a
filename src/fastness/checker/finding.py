"""What the checker says: one finding, where it is, how bad, how sure, and what proves it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import Literal


class Severity(IntEnum):
    """How bad it is when it is true."""

    LOW = 1
    MEDIUM = 2
    HIGH = 3
    CRITICAL = 4


class Confidence(IntEnum):
    """How sure the checker is. PROVED means that an attack succeeded."""

    LOW = 1
    MEDIUM = 2
    HIGH = 3
    PROVED = 4


class Persona(IntEnum):
    """Who reads: regular sees what a maintainer would act on, auditor sees everything."""

    REGULAR = 1
    PEDANTIC = 2
    AUDITOR = 3


Lens = Literal["read", "inspect", "attack", "audit"]


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Lines of one file. `path` is relative to the checked folder, with forward slashes; lines count from 1."""

    path: str
    line: int = 1
    end_line: int = 0
    column: int = 0
    """Counts from 1; 0 where only the line is known."""


@dataclass(frozen=True, slots=True)
class Proof:
    """What one lens saw. An attack keeps its request and the answer, both redacted and cut to a readable size."""

    lens: Lens
    text: str
    request: str = ""
    answer: str = ""


@dataclass(frozen=True, slots=True)
class Fix:
    """One exact edit: `old`, which begins at this line and column of this file, becomes `new`.

    It is applied only where the file still holds `old` there.
    """

    path: str
    line: int
    column: int
    """Counts characters from 1."""
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule broken at one place, or for one route.

    `subject` is what the fingerprint is made of beside the rule and the path: the route or function and the normalised
    code, never the line, so that moved code keeps its entry in a baseline.
    """

    rule: str
    name: str
    message: str
    severity: Severity
    confidence: Confidence
    place: Place
    route: str = ""
    subject: str = ""
    owasp: tuple[str, ...] = ()
    asvs: tuple[str, ...] = ()
    why: str = ""
    fix: str = ""
    persona: Persona = Persona.REGULAR
    proofs: tuple[Proof, ...] = field(default=())
    fixes: tuple[Fix, ...] = ()
    """Edits that remove the cause and change nothing else; all of them or none."""

    @property
    def fingerprint(self) -> str:
        """Sixteen hex digits that stay the same when code moves inside its file."""
        text = f"{self.rule}\0{self.place.path}\0{self.route}\0{self.subject}"
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def proved(self) -> bool:
        """Whether an attack succeeded."""
        return self.confidence is Confidence.PROVED

    def joined(self, other: Finding) -> Finding:
        """Both as one finding with the proofs of both; the surer one speaks."""
        first, second = (self, other) if self.confidence >= other.confidence else (other, self)
        return replace(
            first,
            severity=max(first.severity, second.severity),
            route=first.route or second.route,
            proofs=(*first.proofs, *(p for p in second.proofs if p not in first.proofs)),
            fixes=first.fixes or second.fixes,
        )
