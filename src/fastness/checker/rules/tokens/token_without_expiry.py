"""
## What it looks for
A token that is made without `exp`, in itself or by a library's setting.

## Why it matters
A stolen token that never ends is a stolen account for ever.

## Bad
    import os
    import jwt

    KEY = os.environ["TOKEN_KEY"]

    def access_token(user: str) -> str:
        return jwt.encode({"sub": user}, KEY, algorithm="HS256")

## Good
    import os
    from datetime import UTC, datetime, timedelta
    import jwt

    KEY = os.environ["TOKEN_KEY"]

    def access_token(user: str) -> str:
        now = datetime.now(UTC)
        return jwt.encode({"sub": user, "iat": now, "exp": now + timedelta(minutes=10)}, KEY, algorithm="HS256")

## How it is found
The claims that an `encode` signs are gathered through names, copies, updates, helpers and callers. It speaks only where
all of them are seen.

## What it cannot see
Claims that come from a store or through `**extra`, and an `exp` that is set in one branch alone.

## How to tell the checker
`# fastness: ignore[FN114] the reason` on the line.

## References
OWASP API2:2023, ASVS 7.3.2, CWE-613, RFC 8725 section 3.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from fastness.checker.evidence.claims import claims_of
from fastness.checker.evidence.jwts import encodings
from fastness.checker.evidence.project import Project
from fastness.checker.finding import Finding, Severity
from fastness.checker.rule import Rule

_WHO = re.compile(
    r"sub|user|account|member|client|customer|mail|name|login|role|scope|admin|(^|_)u?id$|permission|phone|tenant|org",
    re.IGNORECASE,
)
"""Claims that say who or what may be done; others sign data, not a caller."""


class TokenWithoutExpiry(Rule):
    """A token that never ends."""

    id, name, control, severity = "FN114", "token-without-expiry", "tokens", Severity.HIGH
    owasp, asvs, cwe, guide = ("API2:2023",), ("7.3.2",), (613,), (1,)
    why = "a token that was stolen once opens the account for ever"
    fix = 'set "exp" a few minutes from now, and renew with a refresh token'

    def read(self, project: Project) -> Iterator[Finding]:
        for encoding in project.once(encodings):
            claims = claims_of(project, encoding)
            unsigned = encoding.value("algorithm").text.lower() == "none"  # FN109 says so
            if claims.whole and "exp" not in claims and any(_WHO.search(name) for name in claims.set) and not unsigned:
                function = encoding.function
                yield self.found(
                    encoding.call.place,
                    "the token is made without an expiry",
                    subject=f"{function.short if function else ''} encode",
                )
        for call in project.calls("JWTStrategy"):
            if re.search(r"fastapi_users|authentication", call.name) and _none(call.arg("lifetime_seconds", 1)):
                yield self.found(call.place, "the strategy makes tokens without an expiry", subject="JWTStrategy")


def _none(expr: ast.expr | None) -> bool:
    return isinstance(expr, ast.Constant) and expr.value is None
