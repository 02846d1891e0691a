"""
## What it looks for
The text of an exception, or a traceback, that goes to the client.

## Why it matters
Messages of drivers and libraries hold statements, host names, paths and values; an attacker provokes errors to read them.

## Bad
    from fastapi import FastAPI, HTTPException

    app = FastAPI()

    def total() -> int:
        return 1

    @app.get("/total")
    def read() -> int:
        try:
            return total()
        except Exception as error:
            raise HTTPException(500, detail=f"failed: {error}")

## Good
    import logging
    from fastapi import FastAPI, HTTPException

    app = FastAPI()

    def total() -> int:
        return 1

    @app.get("/total")
    def read() -> int:
        try:
            return total()
        except Exception:
            logging.exception("total failed")
            raise HTTPException(500, detail="The total is not available.") from None

## How it is found
In every `except` that is broad, or that catches an error of a library, the text of the error (`str(e)`, an f-string,
`repr`, `traceback.format_exc()`, a name bound to one of them) is followed into `HTTPException`, a response, a message of a
WebSocket, or what a handler returns. Handlers registered for exceptions are read in the same way. Exceptions of the project
itself, and `ValueError` with its kin in an `except`, say what their author wrote and are left to auditors.

## What it cannot see
Texts that pass through an object before they leave.

## How to tell the checker
`# fastness: ignore[FN504] the reason` on the line that sends the text.

## References
OWASP API8:2023, ASVS 16.5.1, CWE-209
"""

from __future__ import annotations

from collections.abc import Iterator

from fastness.checker.evidence.errors import Sent, sent
from fastness.checker.evidence.project import Project
from fastness.checker.evidence.written import written
from fastness.checker.finding import Confidence, Finding, Persona, Severity
from fastness.checker.rule import Rule


class ExceptionTextInResponse(Rule):
    """What went wrong inside, told outside."""

    id, name, control, severity = "FN504", "exception-text-in-response", "problems", Severity.MEDIUM
    owasp, asvs, cwe, guide = ("API8:2023",), ("16.5.1",), (209,), (8,)
    why = "error texts name tables, hosts, paths and values to whoever provokes them"
    fix = "log the exception and answer with a fixed text"

    def read(self, project: Project) -> Iterator[Finding]:
        seen: set[int] = set()
        for one in sent(project):
            if id(one.node) not in seen:
                seen.add(id(one.node))
                yield self._found(project, one)

    def _found(self, project: Project, one: Sent) -> Finding:
        place = project.place(one.scope, one.node)
        what = "a traceback" if one.traceback else f"the text of {one.kind}"
        return self.found(
            place,
            f"{what} goes to the client",
            subject=f"{one.scope.name} {written(one.node)[:120]}",
            severity=Severity.HIGH if one.traceback else Severity.MEDIUM,
            confidence=Confidence.HIGH,
            persona=Persona.REGULAR if one.foreign else Persona.AUDITOR,
        )
