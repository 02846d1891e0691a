"""
## What it looks for
Routes for methods that no browser application needs: `TRACE`, `TRACK`, `CONNECT`, or all methods at once.

## Why it matters
TRACE sends the request back with its cookies; a method that was not meant reaches code that nobody wrote for it, and slips
past guards that name methods.

## Bad
    from fastapi import FastAPI

    app = FastAPI()

    @app.api_route("/echo", methods=["GET", "TRACE"])
    def echo() -> str:
        return "ok"

## Good
    from fastapi import FastAPI

    app = FastAPI()

    @app.api_route("/echo", methods=["GET", "HEAD"])
    def echo() -> str:
        return "ok"

## How it is found
The methods of every route are read.

## What it cannot see
Methods that a mounted application answers by itself.

## How to tell the checker
`# fastness: ignore[FN706] the reason` on the line of the decorator.

## References
OWASP API8:2023, ASVS 13.4.4, CWE-749
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from fastness.checker.evidence.functions import Call
from fastness.checker.evidence.model import Application
from fastness.checker.evidence.project import Project
from fastness.checker.finding import Finding, Severity
from fastness.checker.rule import Rule

_ODD = frozenset({"TRACE", "TRACK", "CONNECT"})


class OddMethod(Rule):
    """A method that nobody needs."""

    id, name, control, severity = "FN706", "odd-method", "oddities", Severity.LOW
    owasp, asvs, cwe, guide = ("API8:2023",), ("13.4.4",), (749,), ()
    why = "TRACE shows a page the cookies that it must not see, and odd methods slip past guards"
    fix = "name the methods that clients use: methods=['GET', 'POST']"

    def read(self, project: Project) -> Iterator[Finding]:
        for call in project.calls("api_route", "add_api_route", "add_route", "route"):
            for node in ast.walk(call.arg("methods") or ast.Constant(None)):
                if isinstance(node, (ast.Name, ast.Attribute)) and _every(project, call, node):
                    yield self.found(call.place, "this route answers every method", subject=call.code)
                    break

    def inspect(self, application: Application) -> Iterator[Finding]:
        for route in application.routes:
            odd = sorted(route.methods & _ODD)
            if odd:
                yield self.found(route.place, f"{route.path} answers {', '.join(odd)}", route=route, subject=route.path)


def _every(project: Project, call: Call, node: ast.expr) -> bool:
    """Whether it is the enumeration of all methods itself, not one of them."""
    methods = call.arg("methods")
    if project.names.dotted(call.scope, node) != "http.HTTPMethod" or methods is None:
        return False
    chosen = [n.value for n in ast.walk(methods) if isinstance(n, ast.Attribute)]
    filtered = any(c.ifs for n in ast.walk(methods) if isinstance(n, ast.ListComp) for c in n.generators)
    return node not in chosen and not filtered
