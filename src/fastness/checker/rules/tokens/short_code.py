"""
## What it looks for
One-time codes with fewer than 20 bits (five digits and less), and six-digit codes in programs that know neither an end nor a
count of tries for them.

## Why it matters
A code of four digits is right in one of 10,000 tries; without an end or a count of tries six digits are found in an hour.

## Bad
    import secrets

    def send_login_code(phone: str) -> str:
        login_code = f"{secrets.randbelow(10_000):04}"
        print(phone, login_code)
        return login_code

## Good
    import secrets
    from datetime import UTC, datetime, timedelta

    def send_login_code(phone: str) -> tuple[str, datetime]:
        login_code = f"{secrets.randbelow(1_000_000):06}"
        expires_at = datetime.now(UTC) + timedelta(minutes=10)
        print(phone, login_code)
        return login_code, expires_at

## How it is found
Drawings of random values for what is named as a one-time code are counted: range, alphabet, repetitions. For six digits the
code around the drawing, its callers and its module are searched for an end or a count of tries; that is told to pedantic
readers.

## What it cannot see
Limits in another service.

## How to tell the checker
`# fastness: ignore[FN126] the reason` on the line.

## References
OWASP API2:2023, ASVS 6.5.4 and 6.6.3, CWE-334.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from fastness.checker.evidence.project import Project
from fastness.checker.evidence.randomness import Drawn, bits, drawings
from fastness.checker.finding import Confidence, Finding, Persona, Severity
from fastness.checker.rule import Rule

LEAST = 19.5
"""Bits. 900,000 values, which is what `randint(100000, 999999)` gives, have 19.8; ASVS 6.5.4 takes six digits for enough."""
ENOUGH = 30
_CODE = re.compile(
    r"otp|one_?time|2fa|mfa|two_?factor|pass_?code|(^|[_ ])pin([_ ]|$)|(verif\w*|confirm\w*|reset|login|auth\w*|sms|activation|security|recovery|email|phone)_?\w*_?(code|pin|digits)"
    r"|(verify|send|generate|create|make)_\w*(code|pin)",
    re.IGNORECASE,
)
_OTHER = re.compile(
    r"short|room|game|color|status|country|zip|postal|invite|coupon|voucher|referral|order|promo|share|mock|fake|demo|qr|bar_?code",
    re.IGNORECASE,
)
_ENDS = re.compile(
    r"expir|ttl|setex|valid_until|lifetime|timeout|max_age|attempt|tries|retries|throttl|limiter|rate_?limit|created_at|timestamp|(^| )ex( |$)",
    re.IGNORECASE,
)


class ShortCode(Rule):
    """A code that can be tried out."""

    id, name, control, severity = "FN126", "short-code", "tokens", Severity.MEDIUM
    owasp, asvs, cwe, guide = ("API2:2023",), ("6.5.4", "6.6.3"), (334,), (1,)
    why = "the code is found by trying"
    fix = "draw six digits or more with secrets, end them after ten minutes, and stop after five wrong tries"

    def read(self, project: Project) -> Iterator[Finding]:
        for drawn in project.once(drawings):
            if not _CODE.search(drawn.names) or _OTHER.search(drawn.names):
                continue
            size = bits(project, drawn)
            if size is None or size >= ENOUGH:
                continue
            subject = f"{drawn.call.scope.short} code"
            if size < LEAST:
                yield self.found(drawn.call.place, f"a one-time code has only {2**size:,.0f} values", subject=subject)
            elif not _ended(drawn):
                yield self.found(
                    drawn.call.place,
                    "a one-time code has neither an end nor a count of tries",
                    confidence=Confidence.LOW,
                    persona=Persona.PEDANTIC,
                    subject=subject,
                )


def _ended(drawn: Drawn) -> bool:
    """Whether the module of the drawing, or that of a caller, knows an end or a limit."""
    function = drawn.call.function
    callers = function.callers() if function is not None else ()
    scopes = [drawn.call.module.scope, *(call.module.scope for call in callers)]
    return any(_ENDS.search(drawn.call.project.words(scope)) for scope in scopes)
