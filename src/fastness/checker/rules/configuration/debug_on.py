"""
## What it looks for
`debug=True` in effect: in the constructor, by the default of a setting that the constructor reads, or a server that Docker starts
with `--reload`.

## Why it matters
A visitor who provokes an error reads the source, the variables and the paths of the server.

## Bad
    from fastapi import FastAPI

    app = FastAPI(debug=True)

## Good
    import os
    from fastapi import FastAPI

    app = FastAPI(debug=os.getenv("DEBUG", "false") == "true")

## How it is found
The constructor's `debug` and later `app.debug = ...` are followed through constants and settings to the value that holds when
nobody sets anything. Commands of Dockerfiles are searched for `--reload`.

## What it cannot see
Switches that another machine flips.

## How to tell the checker
`# fastness: ignore[FN701] the reason` on the line of the constructor.

## References
OWASP API8:2023, ASVS 13.4.2, CWE-489
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from fastness.checker.evidence.functions import Call
from fastness.checker.evidence.own import in_development
from fastness.checker.evidence.project import Project
from fastness.checker.evidence.value import Value
from fastness.checker.finding import Confidence, Finding, Persona, Severity
from fastness.checker.rule import Rule

_RELOAD = r"(uvicorn|fastapi|hypercorn|gunicorn)\b.*--(reload|debug)\b|\bfastapi[\"', ]+dev\b"
_DEVELOPMENT = re.compile(r"dev|local|test|debug", re.IGNORECASE)


class DebugOn(Rule):
    """Error pages with source code."""

    id, name, control, severity = "FN701", "debug-on", "problems", Severity.HIGH
    owasp, asvs, cwe, guide = ("API8:2023",), ("13.4.2",), (489, 215), (8,)
    why = "whoever provokes an error reads source code and variables"
    fix = "leave debug out, or read it from a setting whose default is False"

    def read(self, project: Project) -> Iterator[Finding]:
        for call in project.calls("FastAPI", "Starlette"):
            if call.is_a("fastapi.FastAPI", "starlette.applications.Starlette", "FastAPI") and call.has("debug"):
                yield from self._judged(call, call.value("debug"))
        for scope, node in project.nodes(ast.Assign):
            for target in node.targets:
                on = isinstance(node.value, ast.Constant) and node.value.value is True
                if on and isinstance(target, ast.Attribute) and target.attr == "debug" and _is_app(target.value):
                    yield self.found(project.place(scope, node), "debug is on", subject="app.debug")
        yield from self._reloading(project)

    def _judged(self, call: Call, value: Value) -> Iterator[Finding]:
        if in_development(call):
            return
        for choice in value.choices():
            if choice.constant is not True and str(choice.constant).lower() not in {"true", "1", "on", "yes"}:
                continue
            configured = choice.configured
            if value.shape == "choice" and not configured:
                continue  # a branch: somebody decides by environment
            place = choice.place if configured and choice.place is not None else call.place
            text = f"debug is on unless {choice.variable} says otherwise" if configured else "debug is on"
            yield self.found(
                place,
                text,
                subject=f"{call.name} debug",
                confidence=Confidence.MEDIUM if configured else Confidence.HIGH,
            )
            return

    def _reloading(self, project: Project) -> Iterator[Finding]:
        for path in project.files.dockerfiles():
            if _DEVELOPMENT.search(path.rpartition("/")[2]):
                continue
            stages = [
                (p.line, m[1] or "") for p, m in project.files.lines(path, r"(?i)^\s*FROM\s+\S+(?:\s+AS\s+(\S+))?")
            ]
            for place, _ in project.files.lines(path, r"^\s*(CMD|ENTRYPOINT)\b.*" + f"(?:{_RELOAD})"):
                stage = next((name for line, name in reversed(stages) if line < place.line), "")
                last = not any(line > place.line for line, _ in stages)
                if _DEVELOPMENT.search(stage) and not last:
                    continue  # one stage of several, for a developer's machine
                yield self.found(
                    place, "the image starts the server with --reload", subject="reload", severity=Severity.MEDIUM
                )
        for call in project.calls("uvicorn.run"):
            if call.value("reload").literal and call.value("reload").constant is True:
                yield self.found(
                    call.place,
                    "the server is started with reload",
                    subject="uvicorn.run reload",
                    severity=Severity.LOW,
                    confidence=Confidence.LOW,
                    persona=Persona.PEDANTIC,
                )


def _is_app(expr: ast.expr) -> bool:
    return isinstance(expr, ast.Name) and re.search(r"app|api", expr.id, re.IGNORECASE) is not None
