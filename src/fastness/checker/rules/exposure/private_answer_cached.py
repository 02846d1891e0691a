"""
## What it looks for
An answer for a signed-in caller that says that anybody's cache may keep it: `Cache-Control: public`, or an `s-maxage`.

## Why it matters
A proxy or content network between hands the copy to the next person who asks for the same address.

## Bad
    import os
    from typing import Annotated
    import jwt
    from fastapi import Depends, FastAPI, Response
    from fastapi.security import OAuth2PasswordBearer

    app = FastAPI()
    bearer = OAuth2PasswordBearer(tokenUrl="token")

    def current_user(token: Annotated[str, Depends(bearer)]) -> str:
        return str(jwt.decode(token, os.environ["TOKEN_KEY"], algorithms=["HS256"])["sub"])

    @app.get("/statement")
    def statement(response: Response, user: Annotated[str, Depends(current_user)]) -> dict[str, str]:
        response.headers["Cache-Control"] = "public, max-age=300"
        return {"for": user}

## Good
    import os
    from typing import Annotated
    import jwt
    from fastapi import Depends, FastAPI, Response
    from fastapi.security import OAuth2PasswordBearer

    app = FastAPI()
    bearer = OAuth2PasswordBearer(tokenUrl="token")

    def current_user(token: Annotated[str, Depends(bearer)]) -> str:
        return str(jwt.decode(token, os.environ["TOKEN_KEY"], algorithms=["HS256"])["sub"])

    @app.get("/statement")
    def statement(response: Response, user: Annotated[str, Depends(current_user)]) -> dict[str, str]:
        response.headers["Cache-Control"] = "no-store"
        return {"for": user}

## How it is found
By source: routes that ask who is calling, and whose handler, or what it calls, sets the header to a text that lets shared
caches keep the answer; in a response's `headers` too. By attack: an account registers, and routes that are closed to
strangers are read with its credential.

## What it cannot see
Rules of a content network, and caches inside the program. Without any Cache-Control, caches must not keep answers to requests
with an `Authorization` header (RFC 9111 section 3.5); answers to cookies are for the pedantic to think about.

## How to tell the checker
`# fastness: ignore[FN608] the reason` on the line of the decorator, where the answer is the same for everybody.

## References
OWASP API8:2023, ASVS 14.2.2 and 14.3.2, CWE-525
"""

from __future__ import annotations

import ast
import re
from collections.abc import AsyncIterator, Iterator

from fastness.checker.evidence.attacker import Attacker
from fastness.checker.evidence.functions import Function
from fastness.checker.evidence.model import Application
from fastness.checker.evidence.project import Project
from fastness.checker.evidence.scope import Scope
from fastness.checker.evidence.text import Formatted
from fastness.checker.finding import Confidence, Finding, Severity
from fastness.checker.rule import Rule

_SHARED = re.compile(r"\bpublic\b|\bs-maxage\s*=\s*[1-9]", re.IGNORECASE)
_NEVER = re.compile(r"\b(no-store|private)\b", re.IGNORECASE)


class PrivateAnswerCached(Rule):
    """One person's answer, kept for the next."""

    id, name, control, severity = "FN608", "private-answer-cached", "headers", Severity.MEDIUM
    owasp, asvs, cwe, guide = ("API8:2023",), ("14.2.2", "14.3.2"), (525,), ()
    why = "a shared cache hands one caller's data to the next one"
    fix = 'answer with Cache-Control: no-store, which secure(app) does, or "private" where the browser may keep it'

    def inspect(self, application: Application) -> Iterator[Finding]:
        for route in application.routes:
            if route.kind != "http" or "GET" not in route.methods or route.handler is None:
                continue
            if not route.guarded("access") or route.public is not None or route.development:
                continue
            said = next((text for one in route.handler.reaches(2) for text in _said(one) if _kept(text)), "")
            if said:
                yield self.found(
                    route.place,
                    f"{route} is for one caller and says Cache-Control: {said}",
                    route=route,
                    subject=route.name,
                )

    async def attack(self, attacker: Attacker) -> AsyncIterator[Finding]:
        for closed in await attacker.closed():
            said = closed.own.header("cache-control") or ""
            if _kept(said):
                text = f"{closed.route} is for one caller and says Cache-Control: {said}"
                yield self.found(
                    attacker.place(closed.route),
                    text,
                    confidence=Confidence.PROVED,
                    route=closed.route,
                    subject=closed.route.name,
                    proof=attacker.proof(text, closed.own),
                )


def _kept(text: str) -> bool:
    """Whether a shared cache may keep an answer with this header, credentials or not (RFC 9111 section 3.5)."""
    return _SHARED.search(text) is not None and _NEVER.search(text) is None


def _said(function: Function) -> Iterator[str]:
    """The texts that a function sets `Cache-Control` to."""
    project = function.project
    for node in function.nodes(ast.Assign):
        for target in node.targets:
            if isinstance(target, ast.Subscript) and _named(target.slice):
                yield _text(project, function.scope, node.value)
    for display in function.nodes(ast.Dict):
        for key, value in zip(display.keys, display.values, strict=True):
            if key is not None and _named(key):
                yield _text(project, function.scope, value)
    for call in function.calls():
        if call.name.rpartition(".")[2] in {"setdefault", "append"} and call.positional and _named(call.positional[0]):
            yield call.value(1).text


def _named(key: ast.expr) -> bool:
    return isinstance(key, ast.Constant) and str(key.value).lower() == "cache-control"


def _text(project: Project, scope: Scope, expr: ast.expr) -> str:
    """A header's text; of one that is put together, what the code writes itself."""
    made = " ".join(found.text for found in Formatted.behind(project, scope, expr))
    return project.value(scope, expr).text or made
