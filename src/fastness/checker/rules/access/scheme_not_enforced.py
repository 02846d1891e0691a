"""
## What it looks for
A route that declares a security scheme and answers 2xx to a stranger, or to a credential that was made up.

## Why it matters
`OAuth2PasswordBearer` and its kind only read the header. Swagger shows a lock, and every string opens the door.

## Bad
    from fastapi import Depends, FastAPI
    from fastapi.security import OAuth2PasswordBearer

    app = FastAPI()
    bearer = OAuth2PasswordBearer(tokenUrl="token")

    @app.get("/salaries")
    async def salaries(token: str = Depends(bearer)) -> dict[str, int]:
        return {"ada": 100}

## Good
    import hmac
    from fastapi import Depends, FastAPI, HTTPException
    from fastapi.security import OAuth2PasswordBearer

    app = FastAPI()
    bearer = OAuth2PasswordBearer(tokenUrl="token")
    TOKEN = "the application knows it"

    def caller(token: str = Depends(bearer)) -> str:
        if not hmac.compare_digest(token.encode(), TOKEN.encode()):
            raise HTTPException(401)
        return "ada"

    @app.get("/salaries")
    async def salaries(who: str = Depends(caller)) -> dict[str, int]:
        return {who: 100}

## How it is found
Each route with a scheme is asked without a credential and with an invented one of the scheme's kind. Routes whose scheme
lets strangers pass on purpose (an optional caller) and routes that are declared public are left out, as are signing out
and asking about a token, which may answer 2xx to anybody.

## What it cannot see
A route that answers 404 or 422 before or after its check, and schemes of the application's own that do not say whether
they refuse.

## How to tell the checker
`@public("reason")`, or the route under `public` in `[tool.fastness.check]`.

## References
OWASP API2:2023, ASVS 7.2.1, CWE-287
"""

from __future__ import annotations

import base64
import re
from collections.abc import AsyncIterator, Mapping
from typing import Any

from fastness.checker.evidence.attacker import Attacker
from fastness.checker.evidence.model import Route
from fastness.checker.finding import Confidence, Finding, Severity
from fastness.checker.rule import Rule

_HARMLESS = re.compile(r"log_?-?out|sign_?-?out|introspect|verif|validat|refresh", re.IGNORECASE)
_INVENTED = "invented-by-the-checker"


class SchemeNotEnforced(Rule):
    """A declared scheme stops nobody."""

    id, name, control, severity = "FN105", "scheme-not-enforced", "access", Severity.CRITICAL
    owasp, asvs, cwe, guide = ("API2:2023",), ("7.2.1",), (287,), (1, 2)
    why = "anybody calls this route with any string, though the documentation shows a lock"
    fix = "verify the credential in the dependency and raise 401 when it is not good"

    async def attack(self, attacker: Attacker) -> AsyncIterator[Finding]:
        for route in attacker.routes:
            schemes = [d["scheme"] for d in attacker.described(route).get("dependencies", ()) if d["scheme"]]
            if not schemes or not _decided(route) or not attacker.may(route) or _HARMLESS.search(route.path):
                continue
            for what, headers in (("no credential", {}), ("an invented credential", _invented(schemes[0]))):
                answer = await attacker.attempt(route, headers=headers)
                if answer.ok:
                    text = f"{route} declares {schemes[0]['class']} and answers {answer.status} to {what}"
                    yield self.found(
                        attacker.place(route),
                        text,
                        confidence=Confidence.PROVED,
                        route=route,
                        subject="scheme not enforced",
                        proof=attacker.proof(text, answer),
                    )
                    break


def _decided(route: Route) -> bool:
    """Whether the route means to refuse strangers."""
    return route.public is None and route.guarded("access")


def _invented(scheme: Mapping[str, Any]) -> dict[str, str]:
    name, where = str(scheme["name"]), scheme["in"]
    if scheme["type"] == "apiKey":
        return {"cookie": f"{name}={_INVENTED}"} if where == "cookie" else {name or "x-api-key": _INVENTED}
    if scheme["scheme"] == "basic":
        return {"authorization": "Basic " + base64.b64encode(f"visitor:{_INVENTED}".encode()).decode()}
    return {"authorization": f"Bearer {_INVENTED}"}
