"""
## What it looks for
Versions that the service tells everybody: a `Server` or `X-Powered-By` header with a number, a route that answers versions of
Python, libraries or the system.

## Why it matters
Attackers look for the version with a hole; there is no need to help.

## Bad
    from fastapi import FastAPI, Response

    app = FastAPI()

    @app.get("/about")
    def about(response: Response) -> dict[str, str]:
        response.headers["X-Powered-By"] = "FastAPI/0.115"
        return {"name": "shop"}

## Good
    from fastapi import FastAPI

    app = FastAPI()

    @app.get("/about")
    def about() -> dict[str, str]:
        return {"name": "shop"}

## How it is found
Headers that the code sets and what handlers return are searched for versions of the platform (`sys.version`, `platform.*`,
`importlib.metadata.version`, `fastapi.__version__`). An attack reads `Server`, `X-Powered-By` and headers that end in `-Version`
in answers. The application's own version is left alone.

## What it cannot see
The `Server` header of the server itself.

## How to tell the checker
`# fastness: ignore[FN510] the reason` on the line.

## References
OWASP API8:2023, ASVS 13.4.6, CWE-200
"""

from __future__ import annotations

import ast
import re
from collections.abc import AsyncIterator, Iterator

from fastness.checker.evidence.attacker import Attacker
from fastness.checker.evidence.functions import Function
from fastness.checker.evidence.model import Application
from fastness.checker.evidence.project import Project
from fastness.checker.evidence.walking import walk
from fastness.checker.evidence.written import written
from fastness.checker.finding import Confidence, Finding, Persona, Severity
from fastness.checker.rule import Rule

_PLATFORM = re.compile(
    r"\bsys\.version(_info)?\b|\bplatform\.(\w*version|platform|uname|node|system|release|machine)\b|\b(fastapi|starlette|sqlalchemy|pydantic|uvicorn|django|flask)\.__version__"
    r"|\bos\.uname\b|\bsocket\.gethostname\b"
)
_HEADER = re.compile(r"^(server|x-powered-by|x-aspnet-version|x-runtime)$", re.IGNORECASE)
_TELLING = re.compile(r"server|x-powered-by|x-(?!api-)\w+-version", re.IGNORECASE)
_VERSION = re.compile(r"\d+\.\d+")
_ROUTES = 20


class VersionTold(Rule):
    """The service says what it runs on."""

    id, name, control, severity = "FN510", "version-told", "headers", Severity.LOW
    owasp, asvs, cwe, guide = ("API8:2023",), ("13.4.6",), (200,), (7,)
    why = "attackers look up which holes that version has"
    fix = "leave versions out of answers, and start uvicorn with --no-server-header"

    def inspect(self, application: Application) -> Iterator[Finding]:
        for route in application.routes:
            handler = route.handler
            if (
                route.kind != "http"
                or handler is None
                or route.guarded("access")
                or route.development
                or route.public is not None
            ):
                continue
            what = next((found for one in _returned(handler) if (found := _PLATFORM.search(written(one)))), None)
            if what:
                yield self.found(
                    route.place,
                    f"{route} tells {what[0]} to everybody",
                    route=route,
                    subject=f"{route.name} {what[0]}",
                    confidence=Confidence.HIGH,
                )

    def read(self, project: Project) -> Iterator[Finding]:
        for scope, node in project.nodes(ast.Assign):
            for target in node.targets:
                if not isinstance(target, ast.Subscript) or not _HEADER.match(project.value(scope, target.slice).text):
                    continue
                told = project.value(scope, node.value).text
                if re.search(r"\d", told) and "headers" in written(target.value):
                    yield self.found(
                        project.place(scope, node),
                        f"a header tells {told[:60]}",
                        subject=f"{scope.name} {told[:60]}",
                        persona=Persona.REGULAR,
                    )

    async def attack(self, attacker: Attacker) -> AsyncIterator[Finding]:
        for route in attacker.routes[:_ROUTES]:
            if route.kind != "http" or "GET" not in route.methods:
                continue
            answer = await attacker.attempt(route, "GET")
            for name, value in answer.headers:
                if _TELLING.fullmatch(name) and _VERSION.search(value):
                    text = f"answers carry {name}: {value}"
                    yield self.found(
                        attacker.application.place,
                        text,
                        confidence=Confidence.PROVED,
                        subject=name.lower(),
                        proof=attacker.proof(text, answer),
                    )
                    return


def _returned(handler: Function) -> Iterator[ast.expr]:
    for value in handler.returns:
        yield value
        for name in (n.id for n in walk(value) if isinstance(n, ast.Name)):
            yield from (a.value for a in handler.assignments(name) if a.value is not None)
