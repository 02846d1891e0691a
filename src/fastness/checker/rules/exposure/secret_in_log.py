"""
## What it looks for
A password, token, key, `Authorization` header, dump of all headers, database address or settings object that is logged or
printed.

## Why it matters
Logs are kept for months, copied to other services and read by many people; a credential in them is as good as published.

## Bad
    import logging
    from fastapi import FastAPI
    from pydantic import BaseModel

    log = logging.getLogger(__name__)
    app = FastAPI()

    class Credentials(BaseModel):
        email: str
        password: str

    @app.post("/newsletter")
    def subscribe(given: Credentials) -> None:
        log.info("subscribed %s with %s", given.email, given.password)

## Good
    import logging
    from fastapi import FastAPI

    log = logging.getLogger(__name__)
    app = FastAPI()

    @app.get("/newsletter")
    def subscribers() -> int:
        log.info("asked for the number of subscribers")
        return 0

## How it is found
The arguments of logging calls and `print` are taken apart: f-strings, `%`, `format`, `+`. A piece counts when its last name
is that of a credential and nothing shortens or masks it (a slice, `len`, a function of its own), or when it is an object
whose own text holds one: a model with a plain password, a settings object, all headers. Masked types (`SecretStr`) do not.

## What it cannot see
Credentials under harmless names, and filters that a logging configuration adds.

## How to tell the checker
`# fastness: ignore[FN508] the reason` on the line of the call.

## References
OWASP API8:2023, ASVS 16.2.5, CWE-532
"""

from __future__ import annotations

from collections.abc import Iterator

from fastness.checker.evidence.logged import Logged, logged
from fastness.checker.evidence.project import Project
from fastness.checker.finding import Confidence, Finding, Persona, Severity
from fastness.checker.rule import Rule


class SecretInLog(Rule):
    """A credential in the log."""

    id, name, control, severity = "FN508", "secret-in-log", "security_events", Severity.MEDIUM
    owasp, asvs, cwe, guide = ("API8:2023",), ("16.2.5",), (532,), (9,)
    why = "whoever reads the log signs in as the user or the service"
    fix = "log who and what happened, never the credential; keep secrets in SecretStr, which prints stars"

    def read(self, project: Project) -> Iterator[Finding]:
        for one in logged(project):
            yield self._found(one)

    def _found(self, one: Logged) -> Finding:
        return self.found(
            one.call.place,
            f"{one.what} is {'printed' if one.printed else 'logged'}",
            subject=f"{one.call.scope.name} {one.call.code[:120]}",
            confidence=Confidence.HIGH if one.sure else Confidence.MEDIUM,
            persona=Persona.REGULAR if one.sure else Persona.PEDANTIC,
        )
