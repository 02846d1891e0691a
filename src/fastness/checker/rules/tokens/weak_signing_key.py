"""
## What it looks for
A key that signs tokens or cookies and is written into the code, or a literal one that is short.

## Why it matters
Whoever knows or guesses the key writes tokens for any user, administrators first.

## Bad
    from joserfc import jwt
    from joserfc.jwk import OctKey

    SECRET_KEY = "b1946ac92492d2347c6235b4d2611184"

    def token(user: str) -> str:
        return jwt.encode({"alg": "HS256"}, {"sub": user, "exp": 1}, OctKey.import_key(SECRET_KEY))

## Good
    import os
    from joserfc import jwt
    from joserfc.jwk import OctKey

    SECRET_KEY = os.environ["SECRET_KEY"]

    def token(user: str) -> str:
        return jwt.encode({"alg": "HS256"}, {"sub": user, "exp": 1}, OctKey.import_key(SECRET_KEY))

## How it is found
Names that hold signing keys, the key arguments of token libraries and of session middleware are followed to their value.
A key that is empty unless the environment sets it counts, if nothing refuses it, and so does a short one or a word in an
environment file that is no example and that git does not ignore.

## What it cannot see
A key under a name that does not say so and that no library takes.

## How to tell the checker
`# fastness: ignore[FN122] the reason` on the line.

## References
OWASP API2:2023, ASVS 13.3.1, CWE-321.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from fastness.checker.evidence.credential import Credential
from fastness.checker.evidence.credentials import credentials
from fastness.checker.evidence.jwts import decodings, encodings
from fastness.checker.evidence.project import Project
from fastness.checker.evidence.secrecy import plausible, random_looking, signs
from fastness.checker.evidence.start_checks import refused
from fastness.checker.evidence.value import Value
from fastness.checker.finding import Finding, Severity
from fastness.checker.rule import Rule

SHORT = 32
"""Characters: fewer can be tried out for HS256 (RFC 7518 section 3.2)."""


class WeakSigningKey(Rule):
    """A signing key in the code."""

    id, name, control, severity = "FN122", "weak-signing-key", "secrets", Severity.CRITICAL
    owasp, asvs, cwe, guide = ("API2:2023",), ("13.3.1",), (321,), (9,)
    why = "whoever knows the key writes tokens for any user"
    fix = 'make a key with "fastness secret" and read it from the environment without a default'

    def read(self, project: Project) -> Iterator[Finding]:
        for credential in project.once(credentials):
            if credential.signing and not credential.value.configured:
                short = f" and has {len(credential.text)} characters" if len(credential.text) < SHORT else ""
                yield self._found(credential, f"the signing key {credential.name} is written into the code{short}")
        for credential in _empty(project):
            if not refused(project, credential):
                yield self._found(
                    credential, f"the signing key {credential.name} is empty unless the environment sets it"
                )
        for credential in _files(project):
            if not refused(project, credential):
                yield self._found(
                    credential, f"the signing key {credential.name} in {credential.place.path} can be guessed"
                )

    def _found(self, credential: Credential, message: str) -> Finding:
        return self.found(credential.place, message, subject=f"{credential.scope.name}.{credential.name}")


def _empty(project: Project) -> Iterator[Credential]:
    told: set[str] = set()
    for token in (*project.once(encodings), *project.once(decodings)):
        value = token.value("key")
        if value.configured and value.constant == "" and value.place is not None and value.variable not in told:
            told.add(value.variable)
            owner = next((m for m in project.settings() if m.field(value.variable) is not None), None)
            scope = owner.scope if owner is not None else token.call.scope
            yield Credential(value.variable, value, value.place, scope, "assigned", signing=True, model=owner)


def _files(project: Project) -> Iterator[Credential]:
    ignored = {
        line.strip().lstrip("/")
        for path in project.files.named(r"\.gitignore")
        for line in project.files.text(path).splitlines()
    }
    for setting in project.files.environment():
        name, text = setting.name, setting.value
        if (
            setting.example
            or not signs(name)
            or setting.place.path.rpartition("/")[2] in ignored
            or re.match(r"[<$]", text)
        ):
            continue
        if plausible(text, signing=True) and (len(text) < SHORT or not random_looking(text)) and project.modules:
            value = Value(text, "environment", name, setting.place)
            yield Credential(name, value, setting.place, project.modules[0].scope, "assigned", signing=True)
