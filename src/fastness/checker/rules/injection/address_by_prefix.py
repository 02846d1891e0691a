"""
## What it looks for
An address that is guarded by a piece of its text: `startswith` without the end of the host, `in`, a list of bad hosts.

## Why it matters
`https://api.example.com.evil.org` begins with the good host, and `http://2130706433/` is in no list of bad ones.

## Bad
    import httpx
    from fastapi import FastAPI, HTTPException

    app = FastAPI()

    @app.get("/fetch")
    def fetch(url: str) -> str:
        if not url.startswith("https://api.example.com"):
            raise HTTPException(400)
        return httpx.get(url).text

## Good
    import httpx
    from fastapi import FastAPI, HTTPException
    from urllib.parse import urlsplit

    app = FastAPI()
    HOSTS = {"api.example.com"}

    @app.get("/fetch")
    def fetch(url: str) -> str:
        if urlsplit(url).scheme != "https" or urlsplit(url).hostname not in HOSTS:
            raise HTTPException(400)
        return httpx.get(f"https://api.example.com{urlsplit(url).path}").text

## How it is found
Tests of text from the request with `startswith("https://host")` that does not end in a slash, `"host" in url`, `endswith` without
a dot in front, and lists of local names, in functions that fetch or redirect to that text.

## What it cannot see
Tests in another function than the one that uses the address.

## How to tell the checker
`# fastness: ignore[FN316] the reason` on the line.

## References
OWASP API7:2023, ASVS 1.3.6, CWE-918, CWE-20.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from fastness.checker.evidence.addresses import outbound
from fastness.checker.evidence.functions import Function
from fastness.checker.evidence.project import Project
from fastness.checker.evidence.uses import Held
from fastness.checker.evidence.written import written
from fastness.checker.finding import Confidence, Finding, Severity
from fastness.checker.rule import Rule

_OPEN_END = re.compile(r"^https?://[^/]+$")
_HOST = re.compile(r"^(https?://)?[\w-][\w.-]*\.[a-z]{2,}/?$", re.IGNORECASE)
_LOCAL = frozenset({"localhost", "127.0.0.1", "0.0.0.0", "169.254.169.254", "::1", "metadata.google.internal"})  # noqa: S104 - names that lists of bad hosts hold


class AddressByPrefix(Rule):
    """A guard that looks at letters, not at the host."""

    id, name, control, severity = "FN316", "address-by-prefix", "outbound", Severity.MEDIUM
    owasp, asvs, cwe = ("API7:2023",), ("1.3.6",), (918, 20)
    why = "a host that begins, ends or is spelled otherwise passes the test"
    fix = "compare urlsplit(url).hostname with a set of hosts, or end the prefix in a slash"

    def read(self, project: Project) -> Iterator[Finding]:
        used: dict[int, list[tuple[Function, ast.expr]]] = {}
        for one in project.once(outbound):
            function = one.call.function
            if function is not None:
                used.setdefault(id(function.scope), []).append((function, one.url))
        for call in project.calls("RedirectResponse"):
            function, url = call.function, call.arg("url", 0)
            if function is not None and url is not None:
                used.setdefault(id(function.scope), []).append((function, url))
        for uses in used.values():
            yield from self._judged(project, uses)

    def _judged(self, project: Project, uses: list[tuple[Function, ast.expr]]) -> Iterator[Finding]:
        for function, url in uses:
            held = _holder(project, function, url)
            for node, text in _tests(held) if held is not None else ():
                where = held.function if held is not None else function
                yield self.found(
                    project.place(where.scope, node),
                    f"{text} lets other hosts through",
                    subject=f"{where.short} {project.code(where.scope, node)}",
                    confidence=Confidence.MEDIUM,
                )
                return


def _holder(project: Project, function: Function, url: ast.expr) -> Held | None:
    """Where the request's address is held: here, or in the function of the project that it goes through: `get(checked(url))`."""
    if isinstance(url, (ast.Name, ast.Attribute)):
        return Held(function, written(url)) if project.flow.requested(function.scope, url) else None
    target = project.call_of(function.scope, url).target if isinstance(url, ast.Call) else None
    if not isinstance(url, ast.Call) or target is None:
        return None
    for parameter, given in zip(target.parameters, url.args, strict=False):
        if isinstance(given, (ast.Name, ast.Attribute)) and project.flow.requested(function.scope, given):
            return Held(target, parameter.arg)
    return None


def _tests(held: Held) -> Iterator[tuple[ast.AST, str]]:
    project = held.function.project
    for call in held.function.calls("startswith", "endswith"):
        if call.receiver is None or not held.touched_by(call.receiver):
            continue
        word = call.name.rpartition(".")[2]
        texts = [
            v.text for v in (project.value(call.scope, call.arg(0)).items or [project.value(call.scope, call.arg(0))])
        ]
        if word == "startswith" and any(_OPEN_END.match(t) for t in texts):
            yield call.node, f"startswith({texts[0]!r})"
        if word == "endswith" and any(_HOST.match(t) and not t.startswith(".") for t in texts):
            yield call.node, f"endswith({texts[0]!r})"
    for compare in held.function.nodes(ast.Compare):
        if not isinstance(compare.ops[0], (ast.In, ast.NotIn)):
            continue
        left = project.value(held.function.scope, compare.left)
        if held.is_in(compare.comparators[0]) and _HOST.match(left.text):
            yield compare, f"{left.text!r} in the address"
        listed = project.value(held.function.scope, compare.comparators[0])
        if held.touched_by(compare.left) and len([i for i in listed.items if i.text in _LOCAL]) > 1:
            yield compare, "a list of bad hosts"
