"""
## What it looks for
A field of power (role, is_admin, is_superuser, verified, balance) that a new account sends about itself and that comes
back changed.

## Why it matters
Everybody who knows the name of the column becomes an administrator with one request.

## Bad
    from fastapi import FastAPI
    from pydantic import BaseModel

    app = FastAPI()

    class NewUser(BaseModel):
        email: str
        password: str
        is_admin: bool = False

    @app.post("/register")
    async def register(given: NewUser) -> dict[str, str | bool]:
        return {"email": given.email, "is_admin": given.is_admin}

## Good
    from fastapi import FastAPI
    from pydantic import BaseModel

    app = FastAPI()

    class NewUser(BaseModel):
        email: str
        password: str

    @app.post("/register")
    async def register(given: NewUser) -> dict[str, str | bool]:
        return {"email": given.email, "is_admin": False}

## How it is found
The route that registers accounts, and the routes with which an account changes itself, are asked twice: as a visitor
does, and with the fields beside. A field counts when the second answer, or what the account then reads about itself,
holds the value that was sent and the first did not.

## What it cannot see
Fields that no answer shows, and names that nobody guesses.

## How to tell the checker
Ignore the finding with a comment that says why people may set the field.

## References
OWASP API3:2023, ASVS 15.3.3, CWE-915
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from typing import Any

from fastness.checker.evidence.attacker import Attacker
from fastness.checker.evidence.identities import registration, spare
from fastness.checker.evidence.model import Route
from fastness.checker.finding import Confidence, Finding, Severity
from fastness.checker.rule import Rule

_SELF = re.compile(r"/(?:me|profile|account|self|current(?:_?-?user)?)/?$", re.IGNORECASE)
_POWER: Mapping[str, Any] = {
    "is_admin": True, "is_superuser": True, "is_staff": True, "admin": True, "superuser": True, "isAdmin": True,
    "role": "admin", "roles": ["admin"], "user_type": "admin", "is_verified": True, "verified": True,
    "email_verified": True, "balance": 987654, "credits": 987654, "permissions": ["admin"], "tier": "enterprise",
}  # fmt: skip
_LEADING = re.compile(r"admin|super|staff|owner|root|manager|chef|editor", re.IGNORECASE)


class PrivilegedField(Rule):
    """An account gives itself power."""

    id, name, control, severity = "FN211", "privileged-field-accepted", "fields", Severity.CRITICAL
    owasp, asvs, cwe, guide = ("API3:2023",), ("15.3.3",), (915,), (3,)
    why = "anybody makes an administrator of themselves by naming the column"
    fix = "leave the field out of the model that people send, and set it where an administrator decides"

    async def attack(self, attacker: Attacker) -> AsyncIterator[Finding]:
        if not attacker.writes:
            return
        register = registration(attacker)
        route = next((r for r in attacker.routes if register and (r.path, "POST") == (register.path, *r.methods)), None)
        if register is not None and route is not None:
            plain = await attacker.transmit(register.request())
            async for finding in self._try(attacker, route, "POST", plain.value if plain.ok else None):
                yield finding
        for each in attacker.routes if attacker.identities else ():
            for method in sorted({"PATCH", "PUT"} & each.methods) if _SELF.search(each.path) else ():
                who = await spare(attacker)
                plain = await attacker.attempt(each, method, by=who)
                async for finding in self._try(attacker, each, method, plain.value if plain.ok else None, who):
                    yield finding

    async def _try(
        self, attacker: Attacker, route: Route, method: str, plain: Any, who: Any = None
    ) -> AsyncIterator[Finding]:
        operation = attacker.operation(route, method)
        if plain is None or operation is None:
            return
        before = dict(_flat(plain))
        for name, value in _POWER.items():
            schema = operation.fields.get(name)
            if schema is None and name not in before:
                continue  # nothing that this application has
            sent = _fitting(schema, value)
            if before.get(name) == sent:
                continue
            answer = await attacker.attempt(route, method, body={name: sent}, by=who)
            if answer.ok and dict(_flat(answer.value)).get(name, None) == sent:
                text = f"{route}: {name} is what the caller says"
                yield self.found(
                    attacker.place(route),
                    text,
                    confidence=Confidence.PROVED,
                    route=route,
                    subject=name,
                    proof=attacker.proof(text, answer),
                )


def _fitting(schema: Mapping[str, Any] | None, value: Any) -> Any:
    """A value of power that the schema takes: the leading one of an enumeration."""
    choices = list((schema or {}).get("enum", ()))
    for part in (schema or {}).get("anyOf", ()):
        choices += part.get("enum", ())
    return next((each for each in choices if _LEADING.search(str(each))), choices[-1] if choices else value)


def _flat(value: Any) -> list[tuple[str, Any]]:
    if not isinstance(value, Mapping):
        return []
    found = list(value.items())
    return [*(pair for each in value.values() if isinstance(each, Mapping) for pair in _flat(each)), *found]
