"""
## What it looks for
Programs that make several kinds of tokens with one key (access, refresh, reset, verification) and read them without asking
which kind they got.

## Why it matters
A token from a mail, or a refresh token that lives for weeks, then works as an access token.

## Bad
    import os
    from datetime import UTC, datetime, timedelta
    import jwt

    KEY = os.environ["TOKEN_KEY"]

    def access_token(user: str) -> str:
        return jwt.encode({"sub": user, "exp": datetime.now(UTC) + timedelta(minutes=10)}, KEY)

    def refresh_token(user: str) -> str:
        return jwt.encode({"sub": user, "exp": datetime.now(UTC) + timedelta(days=30)}, KEY)

    def caller(token: str) -> str:
        return jwt.decode(token, KEY, algorithms=["HS256"])["sub"]

## Good
    import os
    from datetime import UTC, datetime, timedelta
    import jwt

    KEY = os.environ["TOKEN_KEY"]

    def access_token(user: str) -> str:
        return jwt.encode({"sub": user, "aud": "api", "exp": datetime.now(UTC) + timedelta(minutes=10)}, KEY)

    def refresh_token(user: str) -> str:
        return jwt.encode({"sub": user, "aud": "refresh", "exp": datetime.now(UTC) + timedelta(days=30)}, KEY)

    def caller(token: str) -> str:
        return jwt.decode(token, KEY, algorithms=["HS256"], audience="api")["sub"]

## How it is found
The functions that make tokens, and those that call them, are sorted by the kind that their names and claims say. Where there
are two kinds and one key, each `decode` must name an audience or issuer, or stand in a function that reads the kind.

## What it cannot see
Keys that differ only when the program runs.

## How to tell the checker
`# fastness: ignore[FN116] the reason` on the line.

## References
OWASP API2:2023, ASVS 9.2.2 and 9.2.3, CWE-287, RFC 8725 section 3.12.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from fastness.checker.evidence.claims import claims_of, constants
from fastness.checker.evidence.functions import Function
from fastness.checker.evidence.jwts import TokenCall, decodings, encodings
from fastness.checker.evidence.project import Project
from fastness.checker.evidence.written import written
from fastness.checker.finding import Confidence, Finding, Persona, Severity
from fastness.checker.rule import Rule

_KINDS = re.compile(r"access|refresh|reset|verif|confirm|invit|activat|email|unsubscribe", re.IGNORECASE)
_ASKED = re.compile(
    r"(^| )(type|typ|token_type|token_use|kind|purpose|scope|aud|audience|tokentype|grant)( |$)|token_?type|\btoken_use\b"
)


class MixedUpTokens(Rule):
    """One kind of token taken for another."""

    id, name, control, severity = "FN116", "mixed-up-tokens", "tokens", Severity.MEDIUM
    persona = Persona.PEDANTIC
    owasp, asvs, cwe, guide = ("API2:2023",), ("9.2.2", "9.2.3"), (287,), (1,)
    why = "a refresh token, or one from a mail, works as an access token"
    fix = "give each kind its own audience, and ask for it when decoding"

    def read(self, project: Project) -> Iterator[Finding]:
        made = project.once(encodings)
        kinds = {kind for encoding in made for kind in _kinds(project, encoding)}
        keys = {_key(token) for token in made}
        if len(kinds) < 2:  # noqa: PLR2004 - two kinds can be mixed up
            return
        for decoding in project.once(decodings):
            if decoding.unverified or _key(decoding) not in keys or decoding.call.spread:
                continue
            if decoding.call.has("audience") or decoding.call.has("issuer") or _reads_kind(decoding.function):
                continue
            function = decoding.function
            yield self.found(
                decoding.call.place,
                f"any of the program's tokens is taken here ({', '.join(sorted(kinds))})",
                confidence=Confidence.MEDIUM,
                subject=f"{function.short if function else ''} decode",
            )


def _kinds(project: Project, encoding: TokenCall) -> Iterator[str]:
    function = encoding.function
    names = (
        [function.short, *(c.function.short for c in function.callers() if c.function)] if function is not None else []
    )
    if function is not None:
        names.extend(c.module.line(c.place.line) for c in function.callers())
    for text in (*names, *constants(project, claims_of(project, encoding), "type", "token_type", "scope", "purpose")):
        for found in _KINDS.findall(text):
            word = str(found).lower()
            yield {"confirm": "verif", "activat": "verif", "email": "verif"}.get(word, word)


def _key(token: TokenCall) -> str:
    expr = token.arg("key")
    return written(expr).rpartition(".")[2] if expr is not None else ""


def _reads_kind(function: Function | None) -> bool:
    if function is None:
        return True
    around = [function, *(c.function for c in function.callers() if c.function is not None)]
    return any(_ASKED.search(one.project.words(one.scope)) for one in around)
