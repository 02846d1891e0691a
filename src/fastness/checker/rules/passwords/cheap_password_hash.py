"""
## What it looks for
A slow hash that is set too cheap: bcrypt below cost 12, few rounds of PBKDF2, small argon2 or scrypt, a salt that is a
constant.

## Why it matters
The cost is the protection. A salt that all accounts share lets one try work for all of them.

## Bad
    import bcrypt

    def hash_password(password: str) -> bytes:
        return bcrypt.hashpw(password.encode(), bcrypt.gensalt(rounds=4))

## Good
    import bcrypt

    def hash_password(password: str) -> bytes:
        return bcrypt.hashpw(password.encode(), bcrypt.gensalt(rounds=12))

## How it is found
The parameters of bcrypt, passlib, pwdlib, argon2-cffi, hashlib and cryptography are read, through settings. bcrypt 10 and
11 are told to pedantic readers.

## What it cannot see
Parameters that only the environment knows.

## How to tell the checker
`# fastness: ignore[FN133] the reason` on the line.

## References
OWASP API2:2023, ASVS 11.4.2 and appendix C, CWE-916 and CWE-760.
"""

from __future__ import annotations

from collections.abc import Iterator

from fastness.checker.evidence.functions import Call
from fastness.checker.evidence.project import Project
from fastness.checker.evidence.value import Value
from fastness.checker.finding import Finding, Persona, Severity
from fastness.checker.rule import Rule

_BCRYPT, _BCRYPT_FLOOR = 12, 10
_PBKDF2 = 100_000
"""Rounds. ASVS appendix C asks for 210,000 with SHA-512 and 600,000 with SHA-256."""
_SCRYPT = 2**14
_ARGON2_KIB = 7 * 1024
"""The least memory in the OWASP table, with five passes."""


class CheapPasswordHash(Rule):
    """A password hash that costs too little."""

    id, name, control, severity = "FN133", "cheap-password-hash", "passwords", Severity.MEDIUM
    owasp, asvs, cwe, guide = ("API2:2023",), ("11.4.2",), (916, 760), (1,)
    why = "a stolen table is turned into passwords faster than it should be"
    fix = "use argon2id with the library's own parameters, or bcrypt with cost 12, and a salt of the library's making"

    def read(self, project: Project) -> Iterator[Finding]:
        yield from self._costs(project)
        for call in project.calls(
            "bcrypt.hashpw", "hashlib.pbkdf2_hmac", "hashlib.scrypt", "PBKDF2HMAC", "argon2.low_level.hash_secret"
        ):
            salt = call.arg("salt", 2 if "pbkdf2_hmac" in call.name else 1)
            value = project.value(call.scope, salt)
            if (
                call.target is None
                and value.literal
                and isinstance(value.constant, (str, bytes))
                and value.text
                and _about_passwords(call)
            ):
                yield self._found(call, "all passwords share one salt")

    def _costs(self, project: Project) -> Iterator[Finding]:
        for call in project.calls("bcrypt.gensalt", "gensalt"):
            if call.target is None:
                yield from self._bcrypt(call, call.value("rounds", 0))
        for call in project.calls("CryptContext", "BcryptHasher", "bcrypt.using", "bcrypt_sha256.using"):
            yield from self._bcrypt(call, call.value("bcrypt__rounds", "bcrypt__default_rounds", "rounds"))
        for call in project.calls("hashlib.pbkdf2_hmac", "PBKDF2HMAC"):
            rounds = call.value("iterations", 3)
            if rounds.number is not None and rounds.number < _PBKDF2 and _about_passwords(call):
                yield self._found(call, f"passwords get {rounds.number:,.0f} rounds of PBKDF2")
        for call in project.calls("hashlib.scrypt", "Scrypt"):
            cost = call.value("n")
            if cost.number is not None and cost.number < _SCRYPT and _about_passwords(call):
                yield self._found(call, f"passwords get scrypt with n = {cost.number:.0f}")
        for call in project.calls("argon2.PasswordHasher", "Argon2Hasher"):
            memory = call.value("memory_cost", 1)
            if memory.number is not None and memory.number < _ARGON2_KIB:
                yield self._found(call, f"passwords get argon2 with {memory.number:.0f} KiB of memory")

    def _bcrypt(self, call: Call, rounds: Value) -> Iterator[Finding]:
        if rounds.number is not None and rounds.number < _BCRYPT:
            persona = Persona.REGULAR if rounds.number < _BCRYPT_FLOOR else Persona.PEDANTIC
            yield self._found(call, f"passwords get bcrypt with cost {rounds.number:.0f}", persona)

    def _found(self, call: Call, message: str, persona: Persona = Persona.REGULAR) -> Finding:
        return self.found(call.place, message, persona=persona, subject=f"{call.scope.short} {call.name}")


def _about_passwords(call: Call) -> bool:
    """Key derivation for something else has other needs."""
    function = call.function
    words = (
        f"{call.scope.name} {call.code} {call.project.words(function.scope) if function is not None else ''}".lower()
    )
    return "passw" in words or "pwd" in words
