"""
## What it looks for
A password, API key or address with a password that is written into the code, and accounts that are made with a password
from the code.

## Why it matters
Everybody who reads the repository, an image or an old copy has it, and it cannot be changed without a release.

## Bad
    import smtplib

    SMTP_PASSWORD = "mLq9-tulip-harbour"

    def send(text: str) -> None:
        with smtplib.SMTP("mail.example.com") as server:
            server.login("shop", SMTP_PASSWORD)
            server.sendmail("shop@example.com", "team@example.com", text)

## Good
    import os
    import smtplib

    SMTP_PASSWORD = os.environ["SMTP_PASSWORD"]

    def send(text: str) -> None:
        with smtplib.SMTP("mail.example.com") as server:
            server.login("shop", SMTP_PASSWORD)
            server.sendmail("shop@example.com", "team@example.com", text)

## How it is found
Names that hold credentials are followed to what they are set to; so are arguments, addresses (`scheme://user:password@`)
and statements that insert accounts. Words of a protocol (`bearer`), sentences, paths, enum members, password hashes and
names of variables are no secrets.

## What it cannot see
A secret under a name that does not say so, and whether a service still accepts it.

## How to tell the checker
`# fastness: ignore[FN123] the reason` on the line.

## References
OWASP API8:2023, ASVS 13.3.1 and 6.3.2, CWE-798.
"""

from __future__ import annotations

from collections.abc import Iterator

from fastness.checker.evidence.credentials import credentials
from fastness.checker.evidence.project import Project
from fastness.checker.finding import Finding, Severity
from fastness.checker.rule import Rule

_SAID = {
    "assigned": "{name} is written into the code",
    "argument": "{name} is written into the code",
    "address": "the address in {name} holds a password",
    "seed": "an account is made with a password from the code",
}


class HardCodedSecret(Rule):
    """A credential other than a signing key, in the code."""

    id, name, control, severity = "FN123", "hard-coded-secret", "secrets", Severity.HIGH
    owasp, asvs, cwe, guide = ("API8:2023",), ("13.3.1", "6.3.2"), (798,), (9,)
    why = "everybody who reads the code has it, and changing it needs a release"
    fix = "read it from the environment without a default, and change the one that was published"

    def read(self, project: Project) -> Iterator[Finding]:
        for credential in project.once(credentials):
            if not credential.value.configured and not credential.signing:
                yield self.found(
                    credential.place,
                    _SAID[credential.how].format(name=credential.name),
                    subject=f"{credential.scope.name}.{credential.name}",
                )
