"""
## What it looks for
Passwords hashed with MD5, SHA-1, SHA-256 and their kind, or with a scheme of a password library that is made of one.

## Why it matters
These functions are made to be fast: one graphics card tries billions of passwords a second against a stolen table.

## Bad
    import hashlib

    def hash_password(password: str) -> str:
        return hashlib.sha256(password.encode()).hexdigest()

## Good
    from argon2 import PasswordHasher

    hasher = PasswordHasher()

    def hash_password(password: str) -> str:
        return hasher.hash(password)

## How it is found
What goes into `hashlib` and the like is followed back to values named as passwords. A fast hash before a slow one, the
prefix that is sent to a list of leaked passwords, and hashes of other things (caches, files, tokens) are left alone.

## What it cannot see
Passwords under other names.

## How to tell the checker
`# fastness: ignore[FN132] the reason` on the line.

## References
OWASP API2:2023, ASVS 11.4.2, CWE-916.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from fastness.checker.evidence.functions import Call
from fastness.checker.evidence.passwords import as_typed, is_password, last_word
from fastness.checker.evidence.project import Project
from fastness.checker.evidence.walking import walk
from fastness.checker.evidence.written import written
from fastness.checker.finding import Finding, Severity
from fastness.checker.rule import Rule

_FAST = ("md5", "sha1", "sha224", "sha256", "sha384", "sha512", "sha3_256", "sha3_512", "blake2b", "blake2s", "new")
_SLOW = re.compile(
    r"bcrypt|argon|scrypt|pbkdf2|hashpw|PasswordHash|CryptContext|pwd_context|check_password_hash", re.IGNORECASE
)
_LEAKED = re.compile(r"pwned|hibp|range|k_?anonym|breach|leaked", re.IGNORECASE)
_SCHEMES = frozenset({
    "plaintext", "hex_md5", "hex_sha1", "hex_sha256", "hex_sha512", "md5_crypt", "des_crypt", "sha1_crypt", "ldap_md5",
    "ldap_sha1", "ldap_salted_md5", "ldap_salted_sha1", "ldap_plaintext", "nthash", "lmhash", "mysql323", "mysql41",
    "postgres_md5", "bigcrypt", "crypt16", "apr_md5_crypt", "unsalted_md5",
})  # fmt: skip


class FastPasswordHash(Rule):
    """A password behind a fast hash."""

    id, name, control, severity = "FN132", "fast-password-hash", "passwords", Severity.CRITICAL
    owasp, asvs, cwe, guide = ("API2:2023",), ("11.4.2",), (916,), (1,)
    why = "a stolen table is turned into passwords at billions of guesses a second"
    fix = "hash with argon2id, and hash old passwords again when their owners sign in"

    def read(self, project: Project) -> Iterator[Finding]:
        for call in project.calls(*_FAST):
            if _hashlib(call) and _of_password(call) and not _part_of_more(call):
                yield self._found(call, f"a password is hashed with {_function(call)}")
        for call in project.calls("update"):
            if _updates(call) and _of_password(call) and not _part_of_more(call):
                yield self._found(call, "a password is hashed with a fast function")
        for call in project.calls("CryptContext"):
            schemes = call.value("schemes", 0)
            first = call.value("default").text or next((item.text for item in schemes.items), schemes.text)
            if first in _SCHEMES:
                yield self._found(call, f"passwords are hashed with {first}")
        for call in project.calls("generate_password_hash"):
            method = call.value("method", 1).text
            if call.target is None and re.match(r"(plain|md5|sha\d+)(:|$)", method):
                yield self._found(call, f"passwords are hashed with {method}")

    def _found(self, call: Call, message: str) -> Finding:
        return self.found(call.place, message, subject=f"{call.scope.short} {call.code}")


def _hashlib(call: Call) -> bool:
    return (
        call.target is None
        and re.match(r"(hashlib|Crypto\w*\.Hash(\.\w+)?|cryptography\.\w+)\.", call.name) is not None
    )


def _function(call: Call) -> str:
    word = call.name.rpartition(".")[2]
    return (call.value("name", 0).text or "a fast function") if word == "new" and call.name == "hashlib.new" else word


def _of_password(call: Call) -> bool:
    for argument in call.node.args:
        for node in walk(argument):
            if isinstance(node, (ast.Name, ast.Attribute, ast.Subscript)) and is_password(last_word(node)):
                if as_typed(call.project, call.scope, node):
                    return True
            elif isinstance(node, ast.Name) and _made_of_password(call, node.id):
                return True
    return False


def _made_of_password(call: Call, name: str) -> bool:
    """`salted = password + salt` above, `sha256(salted)` here."""
    for assignment in call.scope.assigned.get(name, []):
        if assignment.value is not None and assignment.how == "plain":
            for node in walk(assignment.value):
                if isinstance(node, (ast.Name, ast.Attribute)) and as_typed(call.project, call.scope, node):
                    return not any(
                        isinstance(n, ast.Call) and _SLOW.search(written(n.func)) for n in walk(assignment.value)
                    )
    return False


def _updates(call: Call) -> bool:
    if not isinstance(call.receiver, ast.Name):
        return False
    made = [a.value for a in call.scope.assigned.get(call.receiver.id, [])]
    return any(isinstance(v, ast.Call) and _hashlib(call.project.call_of(call.scope, v)) for v in made)


def _part_of_more(call: Call) -> bool:
    """Whether a slow hash follows, or the digest asks a list of leaked passwords."""
    function = call.function
    if function is None:
        return False
    names = " ".join(other.name for other in function.calls())
    words = f"{function.name} {call.project.words(function.scope)}"
    callers = " ".join(
        other.name for caller in function.callers() if caller.function for other in caller.function.calls()
    )
    return (
        _SLOW.search(names) is not None
        or _LEAKED.search(words) is not None
        or re.search(r"hashpw|argon2|bcrypt", callers) is not None
    )
