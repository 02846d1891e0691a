"""
## What it looks for
bcrypt that is given passwords which may be longer than 72 bytes.

## Why it matters
bcrypt reads 72 bytes. Older versions ignore the rest, so that two long passwords are one; version 5 raises, and the answer is
a 500. A letter outside ASCII takes two to four bytes.

## Bad
    import bcrypt

    def hash_password(password: str) -> bytes:
        return bcrypt.hashpw(password.encode(), bcrypt.gensalt(12))

## Good
    import bcrypt

    LONGEST = 72

    def hash_password(password: str) -> bytes:
        given = password.encode()
        if len(given) > LONGEST:
            raise ValueError("longer than 72 bytes")
        return bcrypt.hashpw(given, bcrypt.gensalt(12))

## How it is found
What `bcrypt.hashpw` and passlib's bcrypt get is followed: a test of the length around it, or a hash before it, counts.

## What it cannot see
A limit in the request's model: it counts characters, not bytes.

## How to tell the checker
`# fastness: ignore[FN136] the reason` on the line.

## References
OWASP API2:2023, ASVS 6.2.8 and 6.2.9, CWE-1284.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from fastness.checker.evidence.functions import Call
from fastness.checker.evidence.project import Project
from fastness.checker.evidence.walking import walk
from fastness.checker.evidence.written import written
from fastness.checker.finding import Finding, Persona, Severity
from fastness.checker.rule import Rule

_SHORTENED = re.compile(r"sha\d+|blake|b64encode|\[:\s*7[0-2]\]|hexdigest|hmac", re.IGNORECASE)


class CutPassword(Rule):
    """bcrypt beyond 72 bytes."""

    id, name, control, severity = "FN136", "cut-password", "passwords", Severity.LOW
    persona = Persona.PEDANTIC
    owasp, asvs, cwe, guide = ("API2:2023",), ("6.2.8", "6.2.9"), (1284,), (1,)
    why = "what stands after 72 bytes does not count, or answers 500"
    fix = "use argon2id, or refuse more than 72 bytes with a 4xx before the hash"

    def read(self, project: Project) -> Iterator[Finding]:
        for call in project.calls("bcrypt.hashpw"):
            if call.target is None and not _limited(call):
                yield self.found(
                    call.place, "bcrypt gets passwords of more than 72 bytes", subject=f"{call.scope.short} hashpw"
                )
        for call in project.calls("CryptContext"):
            schemes = call.value("schemes", 0)
            first = next((item.text for item in schemes.items), schemes.text)
            if first == "bcrypt":
                yield self.found(
                    call.place,
                    "bcrypt gets passwords of more than 72 bytes",
                    subject=f"{call.scope.short} CryptContext",
                )


def _limited(call: Call) -> bool:
    function = call.function
    argument = call.arg("password", 0)
    texts = [written(argument)] if argument is not None else []
    if isinstance(argument, ast.Name):
        texts.extend(written(a.value) for a in call.scope.assigned.get(argument.id, []) if a.value is not None)
    if any(_SHORTENED.search(text) for text in texts):
        return True
    return function is not None and any(_measures(node) for node in function.nodes(ast.Compare))


def _measures(compare: ast.Compare) -> bool:
    return any(isinstance(n, ast.Call) and isinstance(n.func, ast.Name) and n.func.id == "len" for n in walk(compare))
