"""
## What it looks for
A GET route that creates, changes or deletes.

## Why it matters
Links, previews, prefetching and crawlers call it; another site calls it with the user's cookies, and SameSite=Lax lets it.

## Bad
    import os
    import jwt
    from fastapi import Depends, FastAPI, HTTPException
    from fastapi.security import OAuth2PasswordBearer

    app = FastAPI()
    bearer = OAuth2PasswordBearer(tokenUrl="token")

    def current_user(token: str = Depends(bearer)) -> dict:
        return jwt.decode(token, os.environ["TOKEN_KEY"], algorithms=["HS256"])

    notes: dict[int, str] = {}

    @app.get("/notes/{note_id}/delete")
    def remove(note_id: int, user: dict = Depends(current_user)) -> None:
        notes.pop(note_id)

## Good
    import os
    import jwt
    from fastapi import Depends, FastAPI, HTTPException
    from fastapi.security import OAuth2PasswordBearer

    app = FastAPI()
    bearer = OAuth2PasswordBearer(tokenUrl="token")

    def current_user(token: str = Depends(bearer)) -> dict:
        return jwt.decode(token, os.environ["TOKEN_KEY"], algorithms=["HS256"])

    notes: dict[int, str] = {}

    @app.get("/notes/totals")
    def total(user: dict = Depends(current_user)) -> int:
        return len(notes)

## How it is found
GET handlers, with what they call, that write a store, files or start jobs. In the regular persona the path or the handler's name must say
so too (`delete`, `create`, `send`, ...); counters, last-seen marks, sessions and sign-in flows are left alone.

## What it cannot see
Changes through other services.

## How to tell the checker
`# fastness: ignore[FN212] the reason` on the line of the decorator.

## References
OWASP API8:2023, ASVS 3.5.3, CWE-352
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from fastness.checker.evidence.effects import effects
from fastness.checker.evidence.model import Application, Route
from fastness.checker.evidence.purpose import purposes
from fastness.checker.finding import Confidence, Finding, Persona, Severity
from fastness.checker.rule import Rule

_DEED = re.compile(
    r"^(delete|remove|create|add|insert|update|edit|save|send|purge|clear|reset|cancel|approve|reject|ban|enable|disable"
    r"|start|stop|restart|execute|trigger|transfer|pay|buy|grant|revoke|promote|toggle|publish|drop|truncate)([_-]|$)",
    re.IGNORECASE,
)
_READS = re.compile(r"^(get|read|list|show|fetch|find|search|view|load|query|check|count)_", re.IGNORECASE)
_FLOWS = frozenset(
    {"oauth", "verify", "logout", "login", "refresh", "reset", "forgot", "health", "webhook", "register"}
)
_EFFECTS = frozenset({"store", "message", "job", "process"})


class GetChangesState(Rule):
    """A link that changes something."""

    id, name, control, severity = "FN212", "get-changes-state", "csrf", Severity.MEDIUM
    owasp, asvs, cwe, guide = ("API8:2023",), ("3.5.3",), (352, 650), (7,)
    why = "a link, an image or a crawler changes data in the user's name"
    fix = "use POST, PUT, PATCH or DELETE"

    def inspect(self, application: Application) -> Iterator[Finding]:
        for route in application.routes:
            if (
                route.kind != "http"
                or route.writes
                or "GET" not in route.methods
                or route.handler is None
                or route.development
            ):
                continue
            done = effects(route.handler) & _EFFECTS
            if not done or purposes(route) & _FLOWS:
                continue
            says = _says(route)
            # Without a guard nobody's name is used: the missing guard is the finding (FN101).
            regular = says and route.guarded("access")
            yield self.found(
                route.place,
                f"{route} changes state ({', '.join(sorted(done))})",
                route=route,
                subject=route.name,
                confidence=Confidence.HIGH if says else Confidence.LOW,
                persona=Persona.REGULAR if regular else Persona.PEDANTIC if says else Persona.AUDITOR,
            )


def _says(route: Route) -> bool:
    name = route.name.rpartition(".")[2]
    if _READS.match(name):
        return False
    words = [w for w in route.path.split("/") if w and not w.startswith("{")]
    return bool(words and _DEED.match(words[-1])) or _DEED.match(name) is not None
