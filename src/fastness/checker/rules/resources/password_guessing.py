"""
## What it looks for
Thirty wrong passwords for one account from one address, without a 429, a lock or a growing delay.

## Why it matters
Passwords that leaked elsewhere are tried by the million. Without a brake the weak ones fall in minutes.

## Bad
    from fastapi import FastAPI, HTTPException
    from pydantic import BaseModel

    app = FastAPI()

    class Credentials(BaseModel):
        email: str
        password: str

    @app.post("/login")
    async def login(given: Credentials) -> dict[str, str]:
        raise HTTPException(401, "E-mail or password is not right.")

## Good
    from collections import Counter
    from fastapi import FastAPI, HTTPException
    from pydantic import BaseModel

    app = FastAPI()
    failures: Counter[str] = Counter()

    class Credentials(BaseModel):
        email: str
        password: str

    @app.post("/login")
    async def login(given: Credentials) -> dict[str, str]:
        failures[given.email] += 1
        if failures[given.email] > 5:
            raise HTTPException(429, "Too many attempts.", {"Retry-After": "60"})
        raise HTTPException(401, "E-mail or password is not right.")

## How it is found
Each sign-in route is asked thirty times with a wrong password. It counts when the last answers are what the first was:
the same status and text, no Retry-After, and no growing delay.

## What it cannot see
Limits of a gateway, and limits above thirty attempts.

## How to tell the checker
`gateway = ["limits"]` in `[tool.fastness.check]`, where a proxy limits sign-ins.

## References
OWASP API2:2023, ASVS 6.3.1, CWE-307
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from statistics import median

from fastness.checker.evidence.attacker import Attacker
from fastness.checker.evidence.exchange import Answer
from fastness.checker.evidence.identities import sign_ins, signs_in, spare, wrong_sign_in
from fastness.checker.finding import Confidence, Finding, Severity
from fastness.checker.rule import Rule

_TIMES = 30
_REFUSALS = frozenset({200, 400, 401, 403, 404})
_SAYS_WHY = re.compile(r"passw|credential|incorrect|invalid|user|account|mail", re.IGNORECASE)
_SAYS_NO = re.compile(r"invalid|incorrect|wrong|failed|denied", re.IGNORECASE)
_SLOWER = 3
"""A delay has grown when the last answers took this many times what the first took, and a fifth of a second more."""
_VARYING = re.compile(r"[0-9a-f]{8,}|\d+", re.IGNORECASE)


class PasswordGuessing(Rule):
    """Nothing slows somebody who guesses passwords."""

    id, name, control, severity = "FN409", "unlimited-password-guessing", "limits", Severity.HIGH
    owasp, asvs, cwe, guide = ("API2:2023", "API4:2023"), ("6.3.1",), (307,), (6,)
    why = "passwords that leaked elsewhere are tried until one fits"
    fix = "limit attempts by account and by address: Depends(limit('5/minute', by='address')), or a lock-out"

    async def attack(self, attacker: Attacker) -> AsyncIterator[Finding]:
        if not attacker.writes or "limits" in attacker.gateway:
            return
        victim = await spare(attacker) if attacker.identities else None
        for number, operation in enumerate(sign_ins(attacker)):
            if victim is not None and not await signs_in(attacker, operation, victim):
                continue  # it is closed, or for somebody else
            sent = wrong_sign_in(operation, victim)
            answers = [await attacker.transmit(sent, address=f"198.18.0.{number + 1}")]
            while len(answers) < _TIMES and answers[-1].status == answers[0].status:
                answers.append(await attacker.transmit(sent, address=f"198.18.0.{number + 1}"))
            route = next((r for r in attacker.routes if r.path == operation.path and "POST" in r.methods), None)
            if route is not None and _unbraked(answers):
                text = f"{route} answered {_TIMES} wrong passwords alike, with {answers[0].status}"
                yield self.found(
                    attacker.place(route),
                    text,
                    confidence=Confidence.PROVED,
                    route=route,
                    subject="no limit on wrong passwords",
                    proof=attacker.proof(text, answers[0], answers[-1]),
                )


def _unbraked(answers: list[Answer]) -> bool:
    first = answers[0]
    says = _SAYS_NO if first.status == 200 else _SAYS_WHY  # noqa: PLR2004 - a page that shows the form again
    if (
        first.status not in _REFUSALS
        or not says.search(first.text)
        or any(answer.status != first.status for answer in answers)
    ):
        return False
    if any(answer.header("retry-after") for answer in answers) or _plain(first) != _plain(answers[-1]):
        return False
    early, late = (median(a.seconds for a in part) for part in (answers[:5], answers[-5:]))
    return late < early * _SLOWER or late - early < 0.2  # noqa: PLR2004 - explained at _SLOWER


def _plain(answer: Answer) -> str:
    """The text without ids and times, which differ in every answer."""
    return _VARYING.sub("", answer.text)
