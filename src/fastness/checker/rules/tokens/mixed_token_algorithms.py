"""
## What it looks for
A list of algorithms that holds `none`, or shared-secret and public-key algorithms together; a token that is made with
`none`.

## Why it matters
`none` is a token without a signature. With both families in one list, the public key, which everybody has, is a valid
shared secret.

## Bad
    import os
    import jwt

    KEY = os.environ["TOKEN_KEY"]

    def subject(token: str) -> str:
        return jwt.decode(token, KEY, algorithms=["RS256", "HS256"])["sub"]

## Good
    import os
    import jwt

    KEY = os.environ["TOKEN_KEY"]

    def subject(token: str) -> str:
        return jwt.decode(token, KEY, algorithms=["RS256", "RS512"])["sub"]

## How it is found
The algorithms of `encode` and `decode` are followed through constants and settings; environment files are read for an
algorithm that is `none`.

## What it cannot see
Lists that are made when the program runs.

## How to tell the checker
`# fastness: ignore[FN109] the reason` on the line.

## References
OWASP API2:2023, ASVS 9.1.2, CWE-347, RFC 8725 sections 2.1 and 3.2.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from fastness.checker.evidence.jwts import TokenCall, decodings, encodings
from fastness.checker.evidence.project import Project
from fastness.checker.evidence.value import Value
from fastness.checker.finding import Finding, Severity
from fastness.checker.rule import Rule

_ALGORITHM = re.compile(r"(jwt|token|auth)\w*alg(orithm)?s?$|^alg(orithm)?s?$", re.IGNORECASE)


class MixedTokenAlgorithms(Rule):
    """Unsigned tokens, or a public key that counts as a secret."""

    id, name, control, severity = "FN109", "mixed-token-algorithms", "tokens", Severity.CRITICAL
    owasp, asvs, cwe, guide = ("API2:2023",), ("9.1.2",), (347,), (1,)
    why = "a token can be forged without any secret"
    fix = "allow exactly the one family of algorithms that the key is for, and never none"

    def read(self, project: Project) -> Iterator[Finding]:
        for token in (*project.once(decodings), *project.once(encodings)):
            said = _wrong(_named(token))
            if said:
                function = token.function
                yield self.found(token.call.place, said, subject=f"{function.short if function else ''} {said}")
        for setting in project.files.environment():
            if _ALGORITHM.search(setting.name) and setting.value.lower() == "none":
                yield self.found(setting.place, f"{setting.name} turns signatures off", subject=setting.name)


def _named(token: TokenCall) -> frozenset[str]:
    found: set[str] = set()
    for what in ("algorithms", "algorithm"):
        value = token.value(what)
        if what == "algorithm" and value.shape == "dict":
            value = value.get("alg")
        if what == "algorithm" and token.call.name.endswith(("decode", "decode_complete")):
            continue
        found |= set(_texts(value))
    return frozenset(found)


def _texts(value: Value) -> Iterator[str]:
    for choice in value.choices():
        if choice.text:
            yield choice.text.upper()
        for item in choice.items if choice.shape == "list" else ():
            yield from _texts(item)


def _wrong(algorithms: frozenset[str]) -> str:
    if "NONE" in algorithms:
        return "tokens without a signature are allowed"
    if any(a.startswith("HS") for a in algorithms) and any(a[:2] in {"RS", "ES", "PS", "ED"} for a in algorithms):
        return "a public key would be taken for a shared secret: " + ", ".join(sorted(algorithms))
    return ""
