"""
## What it looks for
A token that is decoded without saying which algorithms are allowed.

## Why it matters
Then the token says how it wants to be tested. Libraries have been led to take a public key for a shared secret, and some
versions to take no signature at all.

## Bad
    import os
    from jose import jwt

    KEY = os.environ["TOKEN_KEY"]

    def subject(token: str) -> str:
        return jwt.decode(token, KEY)["sub"]

## Good
    import os
    from jose import jwt

    KEY = os.environ["TOKEN_KEY"]

    def subject(token: str) -> str:
        return jwt.decode(token, KEY, algorithms=["HS256"])["sub"]

## How it is found
Calls of `decode` of PyJWT and python-jose are read; the list may be the third positional argument, a single text, a
setting or come in through `**options`.

## What it cannot see
A list that is empty when the program runs.

## How to tell the checker
`# fastness: ignore[FN108] the reason` on the line.

## References
OWASP API2:2023, ASVS 9.1.2, CWE-347, CVE-2024-33663, RFC 8725 section 3.1.
"""

from __future__ import annotations

from collections.abc import Iterator

from fastness.checker.evidence.jwts import TokenCall, decodings
from fastness.checker.evidence.project import Project
from fastness.checker.finding import Confidence, Finding, Severity
from fastness.checker.rule import Rule


class AnyTokenAlgorithm(Rule):
    """The token chooses how it is tested."""

    id, name, control, severity = "FN108", "any-token-algorithm", "tokens", Severity.HIGH
    owasp, asvs, cwe, guide = ("API2:2023",), ("9.1.2",), (347,), (1,)
    why = "a token that chooses its own algorithm can be forged with what is public"
    fix = 'name the one algorithm that the key is for: algorithms=["HS256"]'

    def read(self, project: Project) -> Iterator[Finding]:
        for decoding in project.once(decodings):
            if decoding.library in {"pyjwt", "jose"} and not decoding.unverified and _unsaid(decoding):
                function = decoding.function
                yield self.found(
                    decoding.call.place,
                    "the token is decoded with any algorithm it names",
                    confidence=Confidence.HIGH if decoding.library == "jose" else Confidence.MEDIUM,
                    subject=f"{function.short if function else ''} {decoding.call.name}",
                )


def _unsaid(decoding: TokenCall) -> bool:
    if decoding.arg("algorithms") is None:
        # Something that is not seen may bring the list; without a key it is no token that is decoded.
        return not decoding.call.spread and decoding.arg("key") is not None
    return decoding.value("algorithms").constant is None
