"""
## What it looks for
`assert` where the code decides about access or the client's input.

## Why it matters
Python drops every `assert` under `-O` and `PYTHONOPTIMIZE`, and the test with it; without `-O` the client gets a 500.

## Bad
    from fastapi import FastAPI, Request

    app = FastAPI()

    @app.get("/report")
    def report(request: Request) -> str:
        assert request.state.user.is_admin, "administrators only"
        return "the report"

## Good
    from fastapi import FastAPI, HTTPException, Request

    app = FastAPI()

    @app.get("/report")
    def report(request: Request) -> str:
        if not request.state.user.is_admin:
            raise HTTPException(403)
        return "the report"

## How it is found
Assertions in handlers, dependencies and what they call are read: a test of a role, owner, permission, token or password counts, and
so does a test of a request's own value. `is not None` and `isinstance` only narrow types and do not.

## What it cannot see
Assertions in libraries.

## How to tell the checker
`# fastness: ignore[FN710] the reason` on the line of the assertion.

## References
OWASP API8:2023, ASVS 16.5.3, CWE-617
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from fastness.checker.evidence.project import Project
from fastness.checker.evidence.scope import Scope
from fastness.checker.evidence.walking import walk
from fastness.checker.evidence.written import written
from fastness.checker.finding import Confidence, Finding, Persona, Severity
from fastness.checker.rule import Rule

_ACCESS = re.compile(
    r"\b(is_(admin|superuser|staff|active|verified|authenticated|owner)|has_perm\w*|permissions?|roles?|scopes?|owner(_id)?|can_\w+|authorized|password\w*"
    r"|api_?key|secret\w*|token|signature|created_by|user_id)\b",
    re.IGNORECASE,
)  # fmt: skip


class AssertAsGuard(Rule):
    """A guard that an option takes away."""

    id, name, control, severity = "FN710", "assert-as-guard", "access", Severity.MEDIUM
    owasp, asvs, cwe, guide = ("API8:2023",), ("16.5.3",), (617, 703), (2,)
    why = "python -O runs without the test, and everybody passes"
    fix = "raise HTTPException(403) where the condition does not hold"

    def read(self, project: Project) -> Iterator[Finding]:
        for scope, node in project.nodes(ast.Assert):
            if scope.kind != "function" or _narrows(node.test):
                continue
            access = _ACCESS.search(written(node.test)) is not None and _compares(node.test)
            if access and _serves(project, scope):
                yield self.found(
                    project.place(scope, node),
                    "access hangs on an assert",
                    subject=f"{scope.name} {written(node.test)[:100]}",
                    confidence=Confidence.HIGH,
                )
            elif project.flow.entry(scope) and any(
                project.flow.requested(scope, n) for n in walk(node.test) if isinstance(n, ast.Name)
            ):
                yield self.found(
                    project.place(scope, node),
                    "the client's input is tested by an assert",
                    subject=f"{scope.name} {written(node.test)[:100]}",
                    severity=Severity.LOW,
                    confidence=Confidence.MEDIUM,
                    persona=Persona.PEDANTIC,
                )


def _serves(project: Project, scope: Scope) -> bool:
    """Whether a function is a handler or dependency, or named for what it tests."""
    return (
        project.flow.entry(scope)
        or re.search(r"check|verify|require|authori|permission|ensure|validate", scope.short) is not None
    )


def _narrows(test: ast.expr) -> bool:
    """`x is not None`, `isinstance(x, T)`, `x`: for the type checker."""
    match test:
        case ast.Compare(ops=[ast.Is() | ast.IsNot()]):
            return True
        case ast.Call(func=ast.Name(id="isinstance" | "issubclass" | "callable" | "hasattr")):
            return True
        case ast.BoolOp(values=values):
            return all(_narrows(v) for v in values)
        case ast.Name() | ast.Constant():
            return True
        case _:
            return False


def _compares(test: ast.expr) -> bool:
    """Whether it decides something: a flag, a comparison, a call; a bare `user_id` is there or not."""
    if isinstance(test, ast.Attribute):
        return test.attr.startswith(("is_", "has_", "can_"))
    return isinstance(test, (ast.Compare, ast.Call, ast.UnaryOp, ast.BoolOp))
