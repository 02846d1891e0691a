"""
## What it looks for
A sign-in or reset that answers differently for an account that exists: another status, another text, or another time.

## Why it matters
A list of who has an account is what guessing passwords, and writing to people, begins with.

## Bad
    from fastapi import FastAPI, HTTPException
    from fastapi.security import OAuth2PasswordRequestForm
    from fastapi import Depends
    from pydantic import BaseModel

    app = FastAPI()
    users: dict[str, str] = {}

    class Account(BaseModel):
        email: str
        password: str

    @app.post("/register")
    async def register(given: Account) -> dict[str, str]:
        users[given.email] = given.password
        return {"email": given.email}

    @app.post("/login")
    async def login(form: OAuth2PasswordRequestForm = Depends()) -> dict[str, str]:
        if form.username not in users:
            raise HTTPException(404, "There is no such user.")
        if users[form.username] != form.password:
            raise HTTPException(401, "The password is wrong.")
        return {"access_token": "a-token-of-this-user"}

## Good
    from fastapi import Depends, FastAPI, HTTPException
    from fastapi.security import OAuth2PasswordRequestForm
    from fastness import limit
    from pydantic import BaseModel, Field

    app = FastAPI()
    users: dict[str, str] = {}

    class Account(BaseModel):
        email: str
        password: str = Field(min_length=15, max_length=128)

    @app.post("/register")
    async def register(given: Account) -> dict[str, str]:
        users[given.email] = given.password
        return {"email": given.email}

    @app.post("/login", dependencies=[Depends(limit("500/minute", by="address"))])
    async def login(form: OAuth2PasswordRequestForm = Depends()) -> dict[str, str]:
        if form.username not in users or users[form.username] != form.password:
            raise HTTPException(401, "E-mail or password is not right.")
        return {"access_token": "a-token-of-this-user"}

## How it is found
In the source: refusals of a sign-in or a forgotten password that differ for an unknown name, and a hash that is checked for
known names alone. By attack: an account registers. Sign-in with a wrong password, and routes that ask for a new one, are asked for it and for names that
nobody has, in turn, from fresh addresses. Texts are compared without what was sent and without ids. Times are processor
times: they count when the medians of nine differ by 20 ms and threefold.

## What it cannot see
Applications without a registration that the checker can use. Registration itself may say that an address is taken.

## How to tell the checker
Ignore the finding with a comment, where names are public anyway.

## References
OWASP API2:2023, ASVS 6.3.8, CWE-204, CWE-208
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from statistics import median

from fastness.checker.evidence.attacker import Attacker
from fastness.checker.evidence.exchange import Answer, Sent
from fastness.checker.evidence.identities import Identity, sign_ins, spare, wrong_sign_in
from fastness.checker.evidence.model import Application
from fastness.checker.evidence.operations import Operation
from fastness.checker.evidence.telling import telling
from fastness.checker.finding import Confidence, Finding, Persona, Severity
from fastness.checker.rule import Rule

_FORGOT = re.compile(r"forgot|reset|recover", re.IGNORECASE)
_VARYING = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{20,}|[0-9a-f]{16,}|[\w-]{22,}|\d+(?:\.\d+)?", re.IGNORECASE)
_TIMES = 9
_RATIO, _APART = 3, 0.02


class UserEnumeration(Rule):
    """Sign-in tells who has an account."""

    id, name, control, severity = "FN127", "user-enumeration", "passwords", Severity.MEDIUM
    persona = Persona.PEDANTIC
    owasp, asvs, cwe, guide = ("API2:2023",), ("6.3.8",), (204, 208), (1,)
    why = "who has an account is what guessing passwords begins with"
    fix = "answer alike for unknown names, and check their password against a decoy hash"

    def inspect(self, application: Application) -> Iterator[Finding]:
        for told in telling(application):
            yield self.found(
                told.place,
                f"{told.route} tells by its {told.how} whether an account exists",
                route=told.route,
                subject=told.how,
                confidence=Confidence.MEDIUM,
                persona=Persona.PEDANTIC if told.how == "time" else Persona.REGULAR,
            )

    async def attack(self, attacker: Attacker) -> AsyncIterator[Finding]:
        who = await spare(attacker) if attacker.identities else None
        if who is None:
            return
        stranger = Identity(f"nobody.{who.email}", f"{who.username}x" if who.username else "", "", ())
        for operation in sign_ins(attacker):
            pair = (wrong_sign_in(operation, who), wrong_sign_in(operation, stranger))
            async for finding in self._compare(attacker, operation, *pair, (who, stranger)):
                yield finding
        for operation in attacker.operations:
            names = [name for name in operation.fields if "mail" in name]
            if (
                operation.method == "POST"
                and _FORGOT.search(operation.path)
                and len(names) == len(operation.fields) == 1
            ):
                pair = (
                    operation.request(body={names[0]: who.email}),
                    operation.request(body={names[0]: stranger.email}),
                )
                async for finding in self._compare(attacker, operation, *pair, (who, stranger)):
                    yield finding

    async def _compare(
        self, attacker: Attacker, operation: Operation, known: Sent, unknown: Sent, people: tuple[Identity, Identity]
    ) -> AsyncIterator[Finding]:
        route = next((r for r in attacker.routes if r.path == operation.path and "POST" in r.methods), None)
        if route is None:
            return
        pairs = [(await attacker.transmit(known), await attacker.transmit(unknown)) for _ in range(_TIMES)]
        said = _difference(pairs, people)
        if said:
            text = f"{route} tells whether an account exists, by its {said}"
            yield self.found(
                attacker.place(route),
                text,
                confidence=Confidence.PROVED,
                route=route,
                subject="tells who has an account",
                proof=attacker.proof(text, *pairs[0]),
            )


def _difference(pairs: list[tuple[Answer, Answer]], people: tuple[Identity, Identity]) -> str:
    first, second = pairs[0]
    if {429, 500, 503, 422} & {answer.status for pair in pairs for answer in pair}:
        return ""  # a limit or an error speaks, and not the sign-in
    if all(one.status != other.status for one, other in pairs):
        return f"status ({first.status} and {second.status})"
    if all(_plain(one, people) != _plain(other, people) for one, other in pairs):
        return "text"
    known, unknown = (median(pair[which].cpu for pair in pairs) for which in (0, 1))
    if abs(known - unknown) > _APART and max(known, unknown) > _RATIO * min(known, unknown):
        return f"time ({known * 1000:.0f} and {unknown * 1000:.0f} ms)"
    return ""


def _plain(answer: Answer, people: tuple[Identity, Identity]) -> str:
    text = answer.text
    for who in people:
        for name in (who.email, who.username):
            text = text.replace(name, "") if name else text
    return _VARYING.sub("", text)
