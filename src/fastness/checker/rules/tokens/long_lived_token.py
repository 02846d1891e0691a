"""
## What it looks for
An access token that lives longer than a day.

## Why it matters
Nobody can call an access token back. Until it ends it works for whoever has it, after a change of the password as well.

## Bad
    import os
    from datetime import UTC, datetime, timedelta
    import jwt

    KEY = os.environ["TOKEN_KEY"]
    ACCESS_TOKEN_EXPIRE_MINUTES = 60 * 24 * 30

    def access_token(user: str) -> str:
        ends = datetime.now(UTC) + timedelta(minutes=ACCESS_TOKEN_EXPIRE_MINUTES)
        return jwt.encode({"sub": user, "exp": ends}, KEY, algorithm="HS256")

## Good
    import os
    from datetime import UTC, datetime, timedelta
    import jwt

    KEY = os.environ["TOKEN_KEY"]
    ACCESS_TOKEN_EXPIRE_MINUTES = 10

    def access_token(user: str) -> str:
        ends = datetime.now(UTC) + timedelta(minutes=ACCESS_TOKEN_EXPIRE_MINUTES)
        return jwt.encode({"sub": user, "exp": ends}, KEY, algorithm="HS256")

## How it is found
The `exp` of every token is followed to the durations that it is made of, through settings, constants and callers; settings
whose name says both "access token" and a unit are read too. Refresh tokens and the tokens in mails live longer by design.

## What it cannot see
A lifetime that only the environment knows, and whether a session behind the token can be ended.

## How to tell the checker
`# fastness: ignore[FN115] the reason` on the line.

## References
OWASP API2:2023, ASVS 7.3.2, CWE-613.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

from fastness.checker.evidence.claims import claims_of, constants
from fastness.checker.evidence.jwts import encodings
from fastness.checker.evidence.lifetimes import Lifetime, lifetimes
from fastness.checker.evidence.project import Project
from fastness.checker.finding import Finding, Place, Severity
from fastness.checker.rule import Rule

LONGEST = timedelta(hours=24)
_OTHER = re.compile(
    r"refresh|reset|verif|confirm|invit|mail|activat|remember|unsubscribe|download|share|device|api_?key|magic|service|\bbot\b"
    r"|integration|webhook|installation|csrf|state|sso_?code|licen[cs]e|recover|embed|public_link|client_assertion|agent|worker|internal",
)
_ACCESS = re.compile(r"access", re.IGNORECASE)
_SETTING = re.compile(
    r"access_?token|jwt_?(token_?)?(expir|lifetime|ttl|max_age|exp_)|^token_expir|auth_token_(expir|ttl|lifetime)",
    re.IGNORECASE,
)
_UNITS = (
    (re.compile(r"(^|_)(minutes?|mins?)($|_)", re.IGNORECASE), timedelta(minutes=1)),
    (re.compile(r"(^|_)(hours?|hrs?)($|_)", re.IGNORECASE), timedelta(hours=1)),
    (re.compile(r"(^|_)days?($|_)", re.IGNORECASE), timedelta(days=1)),
    (re.compile(r"(^|_)(seconds?|secs?)($|_)", re.IGNORECASE), timedelta(seconds=1)),
)


class LongLivedToken(Rule):
    """An access token that lives longer than a day."""

    id, name, control, severity = "FN115", "long-lived-token", "tokens", Severity.MEDIUM
    owasp, asvs, cwe, guide = ("API2:2023",), ("7.3.2",), (613,), (1,)
    why = "until it ends it works for whoever has it, and nobody can call it back"
    fix = "let it live for minutes, and renew it with a refresh token that can be revoked"

    def read(self, project: Project) -> Iterator[Finding]:
        told: set[Place] = set()
        known = [*_set(project)]
        said = {length for _, length, _ in known}
        # A setting that was found by its name is not found again where it is used.
        made = [one for one in _made(project) if one[1] not in said]
        for place, length, subject in (*known, *made):
            if Place(place.path, place.line) not in told:
                told.add(Place(place.path, place.line))
                yield self.found(place, f"an access token lives {_said(length)}", subject=subject)


def _made(project: Project) -> Iterator[tuple[Place, timedelta, str]]:
    for encoding in project.once(encodings):
        function = encoding.function
        claims = claims_of(project, encoding)
        if any(
            _OTHER.search(text.lower())
            for text in constants(project, claims, "type", "token_type", "scope", "purpose", "typ", "kind", "use")
        ):
            continue
        for scope, expr in claims.of("exp"):
            for life in lifetimes(project, scope, expr, function.short if function else ""):
                if life.length > LONGEST and not _for_something_else(life):
                    yield life.place, life.length, life.value.variable or f"{scope.short} exp"
    for call in project.calls("JWTStrategy"):
        seconds = call.value("lifetime_seconds", 1)
        if seconds.number is not None and seconds.number > LONGEST.total_seconds():
            yield seconds.place or call.place, timedelta(seconds=seconds.number), "JWTStrategy"


def _for_something_else(life: Lifetime) -> bool:
    others = _OTHER.findall(life.words)
    return bool(others) and not _ACCESS.search(life.value.variable or "")


def _set(project: Project) -> Iterator[tuple[Place, timedelta, str]]:
    """Settings and constants whose name says what they are for and in which unit."""
    for scope, assignment in project.assignments(_SETTING.pattern):
        name = assignment.name.rpartition(".")[2]
        unit = next((u for pattern, u in _UNITS if pattern.search(name)), None)
        if scope.kind == "function" or _OTHER.search(name.lower()) or assignment.value is None:
            continue
        value = project.value(scope, assignment.value)
        for choice in value.choices():
            length = choice.constant if isinstance(choice.constant, timedelta) else None
            if length is None and unit is not None and choice.number is not None:
                length = unit * min(choice.number, 10**6)
            if length is not None and length > LONGEST:
                yield project.place(scope, assignment.node), length, name


def _said(length: timedelta) -> str:
    return f"{length.days} days" if length.days > 1 else f"{length.total_seconds() / 3600:g} hours"
