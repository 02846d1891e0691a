"""
## What it looks for
A call of another service whose address the caller chooses.

## Why it matters
The server fetches `http://169.254.169.254/` or an internal service for a stranger, with its own rights (SSRF).

## Bad
    import httpx
    from fastapi import FastAPI

    app = FastAPI()

    @app.get("/preview")
    async def preview(url: str) -> str:
        async with httpx.AsyncClient() as client:
            return (await client.get(url)).text[:1000]

## Good
    import httpx
    from fastapi import FastAPI
    from fastness.controls.outbound import client

    app = FastAPI()

    @app.get("/preview")
    async def preview(url: str) -> str:
        async with client() as safe:
            return (await safe.get(url)).text[:1000]

## How it is found
The address of every call with httpx, requests, aiohttp, urllib3 and urllib is followed back. Only what decides the host
counts: `f"https://api.example.com/{name}"` is decided by nobody, `base + path` by `base`. An address that was tested
before (a list of hosts, a function that validates it) and a client with a transport of its own are left alone.

## What it cannot see
Addresses that were stored before they are fetched, and redirects that a good host answers.

## How to tell the checker
`# fastness: ignore[FN315] the reason` on the line of the call.

## References
OWASP API7:2023, ASVS 1.3.6, CWE-918.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from fastness.checker.evidence.addresses import Outbound, deciding, outbound
from fastness.checker.evidence.found import Variable
from fastness.checker.evidence.project import Project
from fastness.checker.evidence.verified import verified
from fastness.checker.evidence.walking import walk
from fastness.checker.finding import Finding, Severity
from fastness.checker.rule import Rule


class RequestUrlFetched(Rule):
    """The caller chooses where the server goes."""

    id, name, control, severity = "FN315", "request-url-fetched", "outbound", Severity.HIGH
    owasp, asvs, cwe = ("API7:2023",), ("1.3.6",), (918,)
    why = "a stranger reaches internal services and cloud metadata through this server"
    fix = "fetch it with a client that reaches public hosts only, or take the host from a list"

    def read(self, project: Project) -> Iterator[Finding]:
        for one in project.once(outbound):
            if _guarded_client(one):
                continue
            asked: set[str] = set()
            for scope, expr in deciding(project, one.call.scope, one.url):
                sources = [
                    s
                    for s in project.flow.requested(scope, expr)
                    if not (s.annotation.endswith("Request") and _own_address(expr))
                ]
                if sources and not verified(project, scope, expr) and not verified(project, one.call.scope, one.url):
                    asked |= {s.name for s in sources}
            if asked:
                yield self.found(
                    one.call.place,
                    f"the request's {', '.join(sorted(asked))} decides which address is fetched",
                    subject=one.call.code,
                )


def _own_address(expr: ast.expr) -> bool:
    """`request.url`, `request.base_url`: the address of this server."""
    return any(isinstance(n, ast.Attribute) and n.attr in {"url", "base_url"} for n in walk(expr))


def _guarded_client(one: Outbound) -> bool:
    """Whether the client was made with a transport, connector or base address of its own."""
    receiver = one.call.receiver
    if receiver is None or not isinstance(receiver, ast.Name):
        return False
    if (
        one.call.scope.parameter(receiver.id) is not None
    ):  # a client that somebody hands over: how clients are made here
        given = [c for s in one.call.scope.module.within() for c in s.calls]
        return any(k.arg in {"transport", "connector"} for c in given for k in c.keywords)
    found = one.call.project.names.lookup(one.call.scope, receiver.id)
    made = [a.value for a in found.assignments] if isinstance(found, Variable) else []
    return any(
        isinstance(m, ast.Call) and any(k.arg in {"transport", "mounts", "connector", "base_url"} for k in m.keywords)
        for m in made
    )
