"""
## What it looks for
Tokens, codes, passwords, keys and salts that come from the `random` module.

## Why it matters
`random` is made for games: who sees some of its values computes the next ones, another user's reset code among them.

## Bad
    import random
    import string

    def reset_token() -> str:
        return "".join(random.choices(string.ascii_letters, k=32))

## Good
    import secrets

    def reset_token() -> str:
        return secrets.token_urlsafe(32)

## How it is found
Each call of `random` is judged by the names that its value gets and the function that gives it back. Delays, samples, demo
data, names and colours are left alone, and so is `SystemRandom`.

## What it cannot see
Secrets under names that do not say so.

## How to tell the checker
`# fastness: ignore[FN125] the reason` on the line.

## References
OWASP API2:2023, ASVS 11.5.1, CWE-330 and CWE-338.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from fastness.checker.evidence.project import Project
from fastness.checker.evidence.randomness import drawings, picks
from fastness.checker.finding import Finding, Place, Severity
from fastness.checker.rule import Rule

_SECRET = re.compile(
    r"token|otp|passw|passwd|pwd|secret|api_?key|session_?id|nonce|(^|[_ ])salt|verif|reset|csrf|credential|(^|[_ ])pin($|[_ ])|two_?factor|2fa|mfa"
    r"|(^|[_ ])(auth|access|login|sms|email|confirm\w*|activation|invite|invitation|recovery|backup|security|voucher|coupon|gift|referral|unique)?_?code($|[_ ])|pass_?code",
    re.IGNORECASE,
)
_PLAY = re.compile(
    r"jitter|delay|backoff|sleep|sample_|demo|fake|mock|seed|dummy|colou?r|avatar|user_?name|nick|shuffle|(status|error|country|currency|zip|postal|"
    r"lang\w*|short|room|game|exit|source|byte|http|num|max|min|total|n|count)_?(code|token)|tokens_|_tokens|(secret|credential|key)_id($| )|token_?(count|ids?|limit|size)|tokeni|(^| )tokens\[|tensor|input_ids|preset|dataset|reset_(index|counter|timer|interval|state)|weights?",
    re.IGNORECASE,
)


class GuessableRandom(Rule):
    """A secret from the random module."""

    id, name, control, severity = "FN125", "guessable-random", "tokens", Severity.HIGH
    owasp, asvs, cwe, guide = ("API2:2023",), ("11.5.1",), (330, 338), (1,)
    why = "who sees a few values computes the next ones, another user's code among them"
    fix = "draw it with secrets: token_urlsafe, randbelow, choice"

    def read(self, project: Project) -> Iterator[Finding]:
        told: set[tuple[str, int]] = set()
        for drawn in project.once(drawings):
            if not drawn.weak or not _SECRET.search(drawn.names) or _PLAY.search(drawn.names) or picks(project, drawn):
                continue
            key = (drawn.call.place.path, drawn.call.place.line)
            if key not in told:
                told.add(key)
                place = Place(
                    drawn.call.place.path, drawn.call.place.line, drawn.call.place.end_line, drawn.call.place.column
                )
                word = next((w for w in drawn.names.split() if _SECRET.search(w)), "a secret")
                yield self.found(
                    place,
                    f"{word} comes from a generator that can be foreseen",
                    subject=f"{drawn.call.scope.short} {word}",
                )
