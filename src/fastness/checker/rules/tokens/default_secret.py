"""
## What it looks for
A secret that comes from the environment but has a default that everybody can read, and nothing that refuses it.

## Why it matters
One forgotten variable, and production runs with a key that is printed in the repository; nothing fails, so nobody knows.

## Bad
    from pydantic_settings import BaseSettings

    class Settings(BaseSettings):
        secret_key: str = "please-change-this-key"

## Good
    from pydantic_settings import BaseSettings

    class Settings(BaseSettings):
        secret_key: str

## How it is found
Settings classes, `os.getenv` and the configuration libraries are read with their defaults. A default that a validator
or a start check refuses, an empty one, and one that is drawn at random are left alone. The address of a developer's own
database with the password of its image is told to pedantic readers.

## What it cannot see
A refusal in code that does not name the setting.

## How to tell the checker
`# fastness: ignore[FN124] the reason` on the line.

## References
OWASP API8:2023, ASVS 13.3.1, CWE-1392.
"""

from __future__ import annotations

from collections.abc import Iterator

from fastness.checker.evidence.credentials import credentials
from fastness.checker.evidence.project import Project
from fastness.checker.evidence.secrecy import local_default
from fastness.checker.evidence.start_checks import refused
from fastness.checker.finding import Finding, Persona, Severity
from fastness.checker.rule import Rule


class DefaultSecret(Rule):
    """A secret with a known default."""

    id, name, control, severity = "FN124", "default-secret", "secrets", Severity.HIGH
    owasp, asvs, cwe, guide = ("API8:2023",), ("13.3.1",), (1392,), (9,)
    why = "one forgotten variable, and production runs with a secret that everybody can read"
    fix = "take the default away, so that a missing variable stops the start"

    def read(self, project: Project) -> Iterator[Finding]:
        for credential in project.once(credentials):
            if credential.value.configured and not refused(project, credential):
                yield self.found(
                    credential.place,
                    f"{credential.name} falls back to a value that the code shows",
                    persona=Persona.PEDANTIC if local_default(credential.name, credential.text) else Persona.REGULAR,
                    subject=f"{credential.scope.name}.{credential.name}",
                )
