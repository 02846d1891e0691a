"""A rule: one bad thing, named after "allow", and the lenses that can see it.

A rule file holds one class; its docstring is its page and what `fastness explain` prints. A rule overrides only the
lenses that can see its bad thing. People write their own in ten lines in the same way.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator
from typing import TYPE_CHECKING, ClassVar

from fastness.checker.finding import Confidence, Finding, Fix, Persona, Place, Proof, Severity

if TYPE_CHECKING:
    from fastness.checker.evidence.attacker import Attacker
    from fastness.checker.evidence.model import Application, Route
    from fastness.checker.evidence.packages import Packages
    from fastness.checker.evidence.project import Project


class Rule:
    """One thing that must not be, and how to see it."""

    id: ClassVar[str]
    """`FN601`; never changes, never is used again."""
    name: ClassVar[str]
    """Reads after "allow": `cors-any-origin`."""
    control: ClassVar[str]
    """The entry of the catalogue that this rule verifies."""
    severity: ClassVar[Severity]
    persona: ClassVar[Persona] = Persona.REGULAR
    owasp: ClassVar[tuple[str, ...]] = ()
    """`API2:2023`"""
    asvs: ClassVar[tuple[str, ...]] = ()
    """`9.1.1`, of ASVS 5.0.0."""
    cwe: ClassVar[tuple[int, ...]] = ()
    guide: ClassVar[tuple[int, ...]] = ()
    """Lines of the guide's checklist."""
    why: ClassVar[str] = ""
    """One line: what an attacker gains."""
    fix: ClassVar[str] = ""
    """One line: the exact next step."""

    def read(self, project: Project) -> Iterable[Finding]:
        """Lens 1: the source, configuration files and templates."""
        del project
        return ()

    def inspect(self, application: Application) -> Iterable[Finding]:
        """Lens 2: the routes of one application, static and loaded merged."""
        del application
        return ()

    async def attack(self, attacker: Attacker) -> AsyncIterator[Finding]:
        """Lens 3: what the running application answers, in process."""
        del attacker
        nothing: tuple[Finding, ...] = ()
        for finding in nothing:
            yield finding

    def audit(self, packages: Packages) -> Iterable[Finding]:
        """Lens 4: what is installed and locked, and the advisories."""
        del packages
        return ()

    def found(
        self,
        place: Place,
        message: str,
        *,
        confidence: Confidence = Confidence.HIGH,
        severity: Severity | None = None,
        persona: Persona | None = None,
        route: Route | None = None,
        subject: str = "",
        why: str = "",
        fix: str = "",
        proof: Proof | None = None,
        fixes: Iterable[Fix] = (),
    ) -> Finding:
        """A finding of this rule at `place`."""
        return Finding(
            self.id,
            self.name,
            message,
            self.severity if severity is None else severity,
            confidence,
            place,
            route="" if route is None else str(route),
            subject=subject or message,
            owasp=self.owasp,
            asvs=self.asvs,
            why=why or self.why,
            fix=fix or self.fix,
            persona=self.persona if persona is None else persona,
            proofs=(proof,) if proof is not None else (),
            fixes=tuple(fixes),
        )


def rules_in(namespace: object) -> Iterator[type[Rule]]:
    """The rule classes of a module."""
    for value in vars(namespace).values():
        if isinstance(value, type) and issubclass(value, Rule) and value is not Rule and hasattr(value, "id"):
            yield value
