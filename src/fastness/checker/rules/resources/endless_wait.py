"""
## What it looks for
A call of another service that waits for ever.

## Why it matters
When the other side hangs, each request holds a worker, until none is left.

## Bad
    import requests
    from fastapi import FastAPI

    app = FastAPI()

    @app.get("/rate")
    def rate() -> float:
        return requests.get("https://rates.example.com/").json()["rate"]

## Good
    import requests
    from fastapi import FastAPI

    app = FastAPI()

    @app.get("/rate")
    def rate() -> float:
        return requests.get("https://rates.example.com/", timeout=3).json()["rate"]

## How it is found
Calls with requests and urllib without `timeout`, and `timeout=None` of httpx, whose default is five seconds.

## What it cannot see
A timeout that an adapter of a session sets.

## How to tell the checker
`# fastness: ignore[FN413] the reason` on the line.

## References
OWASP API10:2023, ASVS 15.2.2, CWE-400.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from fastness.checker.evidence.addresses import outbound
from fastness.checker.evidence.functions import Call
from fastness.checker.evidence.project import Project
from fastness.checker.finding import Finding, Persona, Severity
from fastness.checker.rule import Rule


class EndlessWait(Rule):
    """A call without a timeout."""

    id, name, control, severity = "FN413", "endless-wait", "outbound", Severity.LOW
    persona = Persona.PEDANTIC
    owasp, asvs, cwe = ("API10:2023",), ("15.2.2",), (400,)
    why = "a service that hangs takes all workers with it"
    fix = "give each call a timeout: requests.get(url, timeout=3)"

    def read(self, project: Project) -> Iterator[Finding]:
        for one in project.once(outbound):
            call = one.call
            given = call.has("timeout") or (one.library == "urllib" and call.has(2))
            forever = given and call.value("timeout").constant is None and call.has("timeout")
            endless = (
                one.library in {"requests", "urllib"}
                and not given
                and not call.spread
                and not call.is_a("urllib.request.Request")
            )
            if forever or endless:
                yield self.found(call.place, "this call waits for ever when the other side hangs", subject=call.code)
        for call in project.calls("httpx.AsyncClient", "httpx.Client"):
            if call.has("timeout") and (_never(call) or _endless(project, call)):
                yield self.found(call.place, "this client waits for ever when the other side hangs", subject=call.code)


def _never(call: Call) -> bool:
    return call.value("timeout").known and call.value("timeout").constant is None


def _endless(project: Project, call: Call) -> bool:
    """`httpx.Timeout(None)` that bounds nothing else."""
    made = call.arg("timeout")
    if not isinstance(made, ast.Call) or project.names.dotted(call.scope, made.func) != "httpx.Timeout":
        return False
    given = [*made.args, *(k.value for k in made.keywords)]
    return bool(given) and all(isinstance(value, ast.Constant) and value.value is None for value in given)
