"""
## What it looks for
A traceback, a debug page or the text of a driver's exception in the answer to a provoked error.

## Why it matters
Traces show file names, versions, queries and local values: a map for the next attack.

## Bad
    from fastapi import FastAPI

    app = FastAPI(debug=True)

    @app.get("/items/{item_id}")
    async def read(item_id: int) -> float:
        return 1 / (item_id - item_id)

## Good
    from fastapi import FastAPI

    app = FastAPI()

    @app.get("/items/{item_id}")
    async def read(item_id: int) -> float:
        return 1 / (item_id - item_id)

## How it is found
Routes are asked with numbers out of range, quotes, control characters and JSON of the wrong form. Answers from 400 on are
searched for what traces look like.

## What it cannot see
Errors that need a state which the checker does not reach.

## How to tell the checker
Ignore the finding with a comment, where the text is the route's purpose.

## References
OWASP API8:2023, ASVS 13.4.2 and 16.5.1, CWE-209
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator

from fastness.checker.evidence.attacker import Attacker
from fastness.checker.evidence.exchange import Answer
from fastness.checker.evidence.model import Parameter, Route
from fastness.checker.evidence.operations import fill
from fastness.checker.finding import Confidence, Finding, Severity
from fastness.checker.rule import Rule

_TRACE = re.compile(
    r"Traceback \(most recent call last\)|File &quot;|File \"[^\"]+\", line \d+"
    r"|sqlalchemy\.exc\.|sqlite3\.\w+Error|psycopg2?\.\w+|asyncpg\.exceptions|pymysql\.err|pymongo\.errors|\[SQL: "
)
_ROUTES = 120
_HUGE, _QUOTE, _CONTROL = str(10**30), "'\"", "\x00"


class TraceInAnswer(Rule):
    """An error shows the inside of the application."""

    id, name, control, severity = "FN505", "trace-in-answer", "problems", Severity.HIGH
    owasp, asvs, cwe, guide = ("API8:2023",), ("13.4.2", "16.5.1"), (209, 215), (9,)
    why = "file names, queries and local values are a map for the next attack"
    fix = "turn debug off, and answer unexpected errors with a fixed text and a request id"

    async def attack(self, attacker: Attacker) -> AsyncIterator[Finding]:
        debugging = False
        for route in [r for r in attacker.routes if attacker.may(r)][:_ROUTES]:
            async for answer in self._errors(attacker, route):
                found = _TRACE.search(answer.text)
                if found is None or answer.status < 400:  # noqa: PLR2004 - a page about errors is none itself
                    continue
                page = "Traceback" in answer.text and answer.status >= 500  # noqa: PLR2004 - the class of server errors
                if page and debugging:
                    break
                debugging = debugging or page
                text = f"{route} answers {answer.status} with {'a traceback' if page else repr(found[0])}"
                yield self.found(
                    attacker.place(route),
                    text,
                    confidence=Confidence.PROVED,
                    route=route,
                    subject="trace in an answer",
                    proof=attacker.proof(text, answer),
                )
                break

    async def _errors(self, attacker: Attacker, route: Route) -> AsyncIterator[Answer]:
        who = attacker.identities[0] if attacker.identities else None
        method = attacker.method(route)
        yield await attacker.attempt(route, method, by=who)
        for values in _odd(route.parameters):
            sent = attacker.request(route, method, values=values)
            yield await attacker.send(method, sent.path, query=sent.query, by=who, body=sent.body)
        if method in {"POST", "PUT", "PATCH"}:
            path = fill(route.path, {})
            for body in (b"{", b"[[[]]]", b'{"\\ud800": NaN}'):
                yield await attacker.send(method, path, headers={"content-type": "application/json"}, body=body, by=who)


def _odd(parameters: tuple[Parameter, ...]) -> Iterator[dict[str, str]]:
    names = [each.name for each in parameters if each.source in {"path", "query"}]
    if names:
        for value in (_HUGE, _QUOTE, _CONTROL):
            yield dict.fromkeys(names, value)
