"""
## What it looks for
A guard that believes what the client writes: `X-Forwarded-For`, `Host`, `Referer`, `Origin`, `X-User-Id`, `User-Agent`, or the peer's
address behind a proxy.

## Why it matters
The client sends the header that opens the door.

## Bad
    from fastapi import FastAPI, HTTPException, Request

    app = FastAPI()

    @app.get("/inside")
    def inside(request: Request) -> str:
        if request.headers.get("X-Forwarded-For") != "127.0.0.1":
            raise HTTPException(403)
        return "inside"

## Good
    import os
    import secrets
    from fastapi import FastAPI, Header, HTTPException

    app = FastAPI()

    @app.get("/inside")
    def inside(x_api_key: str = Header("")) -> str:
        if not secrets.compare_digest(x_api_key, os.environ["INSIDE_KEY"]):
            raise HTTPException(403)
        return "inside"

## How it is found
Comparisons of such headers, and of `request.client.host`, that refuse with 401 or 403 are looked for in handlers, dependencies and
middleware; CSRF tests of `Origin` and signatures are left alone. An attack asks every reading route that refuses a stranger
again with one such header at a time: it counts when it opens, and is closed again without the header.

## What it cannot see
Whether a proxy overwrites the header.

## How to tell the checker
`gateway = { proxies = "nginx sets X-Real-IP" }` in `[tool.fastness.check]`.

## References
OWASP API5:2023, ASVS 15.3.3, CWE-290 and 348
"""

from __future__ import annotations

import ast
import re
from collections.abc import AsyncIterator, Iterator

from fastness.checker.evidence.attacker import Attacker
from fastness.checker.evidence.project import Project
from fastness.checker.evidence.scope import Scope
from fastness.checker.evidence.walking import walk
from fastness.checker.evidence.written import written
from fastness.checker.finding import Confidence, Finding, Persona, Severity
from fastness.checker.rule import Rule

_FORGED = re.compile(
    r"^(x-forwarded-(for|host|proto|user|email)|x-real-ip|x-client-ip|true-client-ip|host|referer|x-(user(-?id|-?name|-?email|-?role)?|role|is-admin|admin|internal|account-id|tenant-role)"
    r"|user-agent|remote-user|x-remote-user|x-original-(url|host))$",
    re.IGNORECASE,
)  # fmt: skip
_IDENTITY = re.compile(
    r"^x-(user|role|is-admin|admin|internal|account|remote)|remote-user|forwarded-(user|email)", re.IGNORECASE
)

_CLAIMS = (
    ("x-forwarded-for", "127.0.0.1"), ("x-real-ip", "127.0.0.1"), ("forwarded", "for=127.0.0.1"),
    ("x-client-ip", "127.0.0.1"), ("x-forwarded-host", "localhost"), ("host", "localhost"),
    ("x-forwarded-user", "admin"), ("x-user-id", "1"), ("x-user", "admin"), ("x-role", "admin"),
)  # fmt: skip
_CLOSED = frozenset({401, 403})


class GuardByHeader(Rule):
    """The client writes its own pass."""

    id, name, control, severity = "FN213", "guard-by-header", "proxies", Severity.HIGH
    owasp, asvs, cwe, guide = ("API5:2023",), ("15.3.3",), (290, 348), (2,)
    why = "the client sends the header that opens the door"
    fix = "verify a credential; take addresses from a proxy that you name"

    def read(self, project: Project) -> Iterator[Finding]:
        if "proxies" in project.intent.gateway:
            return
        for scope, node in project.nodes(ast.If):
            if scope.kind != "function" or not _refuses(node):
                continue
            header = _tested(project, scope, node.test)
            if header:
                yield self.found(
                    project.place(scope, node.test),
                    f"who may pass depends on {header}, which the client writes",
                    subject=f"{scope.name} {header}",
                    confidence=Confidence.HIGH
                    if _IDENTITY.search(header) or "forwarded" in header.lower()
                    else Confidence.MEDIUM,
                    persona=Persona.PEDANTIC if "client.host" in header else Persona.REGULAR,
                )

    async def attack(self, attacker: Attacker) -> AsyncIterator[Finding]:
        for route in attacker.routes:
            if route.kind != "http" or "GET" not in route.methods:
                continue
            closed = await attacker.attempt(route, "GET")
            for name, value in _CLAIMS if closed.status in _CLOSED else ():
                answer = await attacker.attempt(route, "GET", headers={name: value})
                if answer.ok and (await attacker.attempt(route, "GET")).status in _CLOSED:
                    text = f"{route} opens to strangers who send {name}: {value}"
                    yield self.found(
                        attacker.place(route),
                        text,
                        confidence=Confidence.PROVED,
                        route=route,
                        subject=f"opens by {name}",
                        proof=attacker.proof(text, closed, answer),
                    )
                    break


def _refuses(node: ast.If) -> bool:
    """Whether the branch answers 401 or 403."""
    for statement in node.body:
        for part in walk(statement):
            if (
                isinstance(part, ast.Raise)
                and part.exc is not None
                and re.search(r"40[13]|FORBIDDEN|UNAUTHORI|Forbidden|Unauthori|PermissionDenied", written(part.exc))
            ):
                return True
            if (
                isinstance(part, ast.Return)
                and part.value is not None
                and re.search(r"status_code=(status\.HTTP_)?40[13]", written(part.value))
            ):
                return True
    return False


def _tested(project: Project, scope: Scope, test: ast.expr) -> str:
    """The forgeable thing that the test compares with something."""
    for part in walk(test):
        if not isinstance(part, ast.Compare) or isinstance(part.ops[0], (ast.Is, ast.IsNot)):
            continue
        for side in (part.left, *part.comparators):
            found = _forgeable(project, scope, side)
            if found:
                return found
    return ""


def _forgeable(project: Project, scope: Scope, expr: ast.expr, deep: int = 0) -> str:
    if deep > 2:  # noqa: PLR2004 - a name, and what it was made from
        return ""
    text = written(expr)
    if re.search(r"\brequest\.client\.host$", text):
        return "request.client.host"
    for part in walk(expr):
        word = _header(project, scope, part)
        if word:
            return word
    if isinstance(expr, ast.Name):
        for assignment in scope.assigned.get(expr.id, []):
            if assignment.value is not None:
                found = _forgeable(project, scope, assignment.value, deep + 1)
                if found:
                    return found
        return _parameter(project, scope, expr.id)
    return ""


def _header(project: Project, scope: Scope, part: ast.AST) -> str:
    """The forgeable header that an expression reads."""
    word = ""
    if isinstance(part, ast.Call) and isinstance(part.func, ast.Attribute) and part.func.attr == "get" and part.args:
        if written(part.func.value).endswith("headers"):
            word = project.value(scope, part.args[0]).text
    elif isinstance(part, ast.Subscript) and written(part.value).endswith("headers"):
        word = project.value(scope, part.slice).text
    return word if _FORGED.match(word) else ""


def _parameter(project: Project, scope: Scope, name: str) -> str:
    """A `Header()` parameter of this name."""
    arg = scope.parameter(name)
    if arg is None:
        return ""
    from fastness.checker.evidence.found import default_of

    typed = project.annotations.typed(scope.parent or scope, arg.annotation, default_of(scope, arg))
    header = project.annotations.by(typed, "Header")
    if header is None:
        return ""
    alias = next((k.value for k in header[1].keywords if k.arg == "alias"), None)
    word = project.value(header[0], alias).text if alias is not None else arg.arg.replace("_", "-")
    return word if _FORGED.match(word) else ""
