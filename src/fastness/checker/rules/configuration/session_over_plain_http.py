"""
## What it looks for
Starlette's `SessionMiddleware` without `https_only=True`.

## Why it matters
Its defaults send the session cookie over plain HTTP too, and keep it for fourteen days; it lies with the client, so nothing
on the server can take it back.

## Bad
    import os
    from fastapi import FastAPI
    from starlette.middleware.sessions import SessionMiddleware

    app = FastAPI()
    app.add_middleware(SessionMiddleware, secret_key=os.environ["SESSION_KEY"])

## Good
    import os
    from fastapi import FastAPI
    from starlette.middleware.sessions import SessionMiddleware

    app = FastAPI()
    app.add_middleware(SessionMiddleware, secret_key=os.environ["SESSION_KEY"], https_only=True, max_age=3600)

## How it is found
Every place that adds the middleware, `Middleware(...)` lists and settings included, is read. A flag that a setting decides
is taken as set.

## What it cannot see
Flags that a proxy adds, and subclasses that set them in their constructor.

## How to tell the checker
`# fastness: ignore[FN606] the reason` on the line of the call.

## References
OWASP API8:2023, ASVS 3.3.1 and 7.3.2, CWE-614
"""

from __future__ import annotations

from collections.abc import Iterator

from fastness.checker.evidence.project import Project
from fastness.checker.finding import Finding, Persona, Severity
from fastness.checker.rule import Rule

_DAY = 86_400
_HTTPS_ONLY, _MAX_AGE = 5, 2
"""Positions in `SessionMiddleware(app, secret_key, session_cookie, max_age, path, same_site, https_only)`, `app` left out."""


class SessionOverPlainHttp(Rule):
    """The session cookie goes out unencrypted."""

    id, name, control, severity = "FN606", "session-over-plain-http", "cookies", Severity.MEDIUM
    owasp, asvs, cwe, guide = ("API8:2023",), ("3.3.1", "7.3.2"), (614,), (7,)
    why = "one request over plain HTTP shows the session to everybody on the way, and it stays good for two weeks"
    fix = "SessionMiddleware(..., https_only=True, max_age=3600)"

    def read(self, project: Project) -> Iterator[Finding]:
        for call in project.calls("SessionMiddleware"):
            if call.spread or not call.is_a("starlette.middleware.sessions.SessionMiddleware", "SessionMiddleware"):
                continue
            secure = call.value("https_only", _HTTPS_ONLY)
            if not call.has("https_only", _HTTPS_ONLY) or (secure.literal and not secure.constant):
                yield self.found(call.place, "the session cookie is sent over plain HTTP too", subject="https_only")
                continue
            age = call.value("max_age", _MAX_AGE)
            if not call.has("max_age", _MAX_AGE) or (age.literal and (age.number or 0) > _DAY):
                yield self.found(
                    call.place,
                    "the session lasts longer than a day",
                    subject="max_age",
                    severity=Severity.LOW,
                    persona=Persona.PEDANTIC,
                )
