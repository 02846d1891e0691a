"""
## What it looks for
A redirect whose target the caller chooses.

## Why it matters
`https://bank.example/leave?to=https://bank-login.evil` looks like the bank, and OAuth codes leak the same way.

## Bad
    from fastapi import FastAPI
    from fastapi.responses import RedirectResponse

    app = FastAPI()

    @app.get("/leave")
    def leave(next: str = "/") -> RedirectResponse:
        return RedirectResponse(next)

## Good
    from fastapi import FastAPI, HTTPException
    from fastapi.responses import RedirectResponse

    app = FastAPI()
    KNOWN = {"/home", "/orders"}

    @app.get("/leave")
    def leave(next: str = "/home") -> RedirectResponse:
        if next not in KNOWN:
            raise HTTPException(400)
        return RedirectResponse(next)

## How it is found
The target of every `RedirectResponse` and `Location` header is followed back. Only what decides the host counts; a path that
begins in the code, `url_for`, the server's own address and what was tested before are left alone. An attack asks reading routes
with a parameter named like a destination (`next`, `url`, `return_to`) for an address elsewhere in four spellings: it counts when
Location leads there.

## What it cannot see
Targets that were stored before; an attack sees no redirect after a sign-in.

## How to tell the checker
`# fastness: ignore[FN318] the reason` on the line.

## References
OWASP API8:2023, ASVS 3.7.2, CWE-601.
"""

from __future__ import annotations

import ast
import re
from collections.abc import AsyncIterator, Iterator
from urllib.parse import urlsplit

from fastness.checker.evidence.addresses import deciding
from fastness.checker.evidence.attacker import Attacker
from fastness.checker.evidence.project import Project
from fastness.checker.evidence.scope import Scope
from fastness.checker.evidence.verified import verified
from fastness.checker.evidence.walking import walk
from fastness.checker.finding import Confidence, Finding, Severity
from fastness.checker.rule import Rule

_OWN = frozenset({"url", "base_url", "path_params", "referer"})
_OUR_HEADERS = ("referer", "host", "origin")
_DESTINATION = re.compile(
    r"next|redir|return|url|uri|goto|dest|target|continue|callback|forward|back|to$", re.IGNORECASE
)
_HEADERS = frozenset({"location", "hx-redirect"})
_ELSEWHERE = ("https://evil.example/x", "//evil.example/x", "/\\evil.example/x", "https:evil.example/x")


class OpenRedirect(Rule):
    """A redirect to where the caller wants."""

    id, name, control, severity = "FN318", "open-redirect", "fields", Severity.MEDIUM
    owasp, asvs, cwe = ("API8:2023",), ("3.7.2",), (601,)
    why = "a link to this server leads people, and their codes, to a stranger's page"
    fix = "redirect to paths of your own: test that the target is one of them"

    def read(self, project: Project) -> Iterator[Finding]:
        for within, node, target in _targets(project):
            asked: set[str] = set()
            for scope, expr in deciding(project, within, target):
                if _own(expr) or verified(project, scope, expr) or verified(project, within, target):
                    continue
                if _taken_apart(project, within, target):
                    continue
                asked |= {s.name for s in project.flow.requested(scope, expr)}
            if asked:
                yield self.found(
                    project.place(within, node),
                    f"the request's {', '.join(sorted(asked))} decides where the browser goes",
                    subject=project.code(within, node),
                )

    async def attack(self, attacker: Attacker) -> AsyncIterator[Finding]:
        who = attacker.identities[0] if attacker.identities else None
        for route in attacker.routes:
            names = [p.name for p in route.parameters if p.source == "query" and _DESTINATION.search(p.name)]
            if not names or "GET" not in route.methods:
                continue
            for address in _ELSEWHERE:
                answer = await attacker.attempt(route, "GET", values=dict.fromkeys(names, address), by=who)
                location = answer.header("location") or ""
                if 300 <= answer.status < 400 and _away(location):  # noqa: PLR2004 - the class of redirects
                    text = f"{route} redirects to {location} because {', '.join(names)} says so"
                    yield self.found(
                        attacker.place(route),
                        text,
                        confidence=Confidence.PROVED,
                        route=route,
                        subject="open redirect",
                        proof=attacker.proof(text, answer),
                    )
                    break


def _targets(project: Project) -> Iterator[tuple[Scope, ast.AST, ast.expr]]:
    for call in project.calls("RedirectResponse"):
        url = call.arg("url", 0)
        if url is not None:
            yield call.scope, call.node, url
    for call in project.calls("starlette.responses.Response", "HTTPException", "HTMLResponse"):
        headers = call.arg("headers")
        items = project.dict_items(call.scope, headers) if headers is not None else {}
        for key, value in items.items():
            if key.lower() in _HEADERS:
                yield call.scope, call.node, value
    for scope, node in project.nodes(ast.Assign):
        written = [
            t for t in node.targets if isinstance(t, ast.Subscript) and ast.unparse(t.value).endswith(".headers")
        ]
        if any(project.value(scope, target.slice).text.lower() in _HEADERS for target in written):
            yield scope, node, node.value


def _taken_apart(project: Project, scope: Scope, target: ast.expr) -> bool:
    """Whether the target is what a function of the project made of an address that it took apart: its path, or after a test."""
    made = [a.value for a in scope.assigned.get(target.id, [])] if isinstance(target, ast.Name) else []
    for value in (target, *made):
        call = value.value if isinstance(value, ast.Await) else value
        function = project.call_of(scope, call).target if isinstance(call, ast.Call) else None
        if function is not None and function.mentions("urlparse", "urlsplit"):
            return True
    return False


def _own(expr: ast.expr) -> bool:
    """The server's own address, a path of the request, or the page that the browser came from."""
    for node in walk(expr):
        if isinstance(node, ast.Attribute) and node.attr in _OWN:
            return True
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.lower() in _OUR_HEADERS:
            return True
    return False


def _away(location: str) -> bool:
    """Whether browsers follow it to the other host; they read a backslash as a slash."""
    return urlsplit(location.replace("\\", "/")).hostname == "evil.example"
