"""
## What it looks for
A password hash, a password or a secret of the application in a live answer.

## Why it matters
Hashes are cracked on somebody else's machine, at their leisure; a signing key makes tokens for everybody.

## Bad
    from fastapi import FastAPI
    from pydantic import BaseModel

    app = FastAPI()

    class NewUser(BaseModel):
        email: str
        password: str

    @app.post("/register")
    async def register(given: NewUser) -> dict[str, str]:
        return {"email": given.email, "hashed_password": "$2b$12$C6UzMDM.H6dfI/f/IKcEeO7ZgQ5vXl0q8Yk1vWJ7lZ0o2Yb1yqJ7m"}

## Good
    from fastapi import FastAPI
    from pydantic import BaseModel

    app = FastAPI()

    class NewUser(BaseModel):
        email: str
        password: str

    @app.post("/register")
    async def register(given: NewUser) -> dict[str, str]:
        return {"email": given.email}

## How it is found
Registration and every reading route are asked, as a stranger and as an account. The answers are searched for hashes by
their form, for the password that was registered, for fields of that name with a value, and for the keys that the checker
invented for the application's environment.

## What it cannot see
Secrets without a known form under another name.

## How to tell the checker
Ignore the finding with a comment that names why the value is no secret.

## References
OWASP API3:2023, ASVS 15.3.1, CWE-200
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator

from fastness.checker.evidence.attacker import Attacker
from fastness.checker.evidence.exchange import Answer
from fastness.checker.evidence.identities import registration
from fastness.checker.evidence.model import Route
from fastness.checker.evidence.samples import PASSWORD
from fastness.checker.finding import Confidence, Finding, Severity
from fastness.checker.rule import Rule

_HASH = re.compile(
    r"\$2[aby]\$\d\d\$[./\w]{20,}|\$argon2(?:id|i|d)\$|\$scrypt\$|pbkdf2_sha256\$|\$pbkdf2-|\$[56]\$[^$\s\"]+\$"
)
_FIELD = re.compile(
    r'"(\w*(?:hashed_?password|password_?hash|passwd_?hash|pwd_?hash))"\s*:\s*"[^"*]{8,}"', re.IGNORECASE
)
_LONG = 20
"""Characters of an invented value that no answer holds by chance."""


class SecretInAnswer(Rule):
    """An answer holds a hash, a password or a key."""

    id, name, control, severity = "FN503", "secret-in-answer", "fields", Severity.HIGH
    owasp, asvs, cwe, guide = ("API3:2023",), ("15.3.1",), (200,), (3,)
    why = "hashes are cracked elsewhere, and keys make tokens for everybody"
    fix = "answer with a model that names the public fields"

    async def attack(self, attacker: Attacker) -> AsyncIterator[Finding]:
        for route, answer in [each async for each in self._answers(attacker)]:
            what = next(_secrets(answer.text, attacker.loaded.values), None)
            if what is not None:
                text = f"{route} answers with {what}"
                yield self.found(
                    attacker.place(route),
                    text,
                    confidence=Confidence.PROVED,
                    route=route,
                    subject=what,
                    proof=attacker.proof(text, answer),
                )

    async def _answers(self, attacker: Attacker) -> AsyncIterator[tuple[Route, Answer]]:
        """One answer for each route, the account's own where there is one."""
        register = registration(attacker) if attacker.writes else None
        who = attacker.identities[0] if attacker.identities else None
        for route in attacker.routes:
            if register is not None and route.path == register.path and "POST" in route.methods:
                answer = await attacker.transmit(register.request())
            elif route.kind == "http" and "GET" in route.methods:
                answer = await attacker.attempt(route, "GET", values=who.known if who is not None else None, by=who)
            else:
                continue
            if answer.ok:
                yield route, answer


def _secrets(text: str, values: tuple[str, ...]) -> Iterator[str]:
    if _HASH.search(text):
        yield "a password hash"
    found = _FIELD.search(text)
    if found is not None:
        yield f"the field {found[1]}"
    if PASSWORD in text:
        yield "the password that was sent"
    if any(len(value) > _LONG and "://" not in value and value in text for value in values):
        yield "a secret of its environment"
