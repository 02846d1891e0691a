"""
## What it looks for
A missing claim, unknown role or failed look-up that falls back to power: `payload.get("role", "admin")`, `is_admin = True` in a
model that holds who is asking, an `except` that returns an administrator.

## Why it matters
Whoever leaves the claim out, or makes the look-up fail, becomes an administrator.

## Bad
    from fastapi import Request

    def role_of(claims: dict[str, str]) -> str:
        return claims.get("role", "admin")

    def administrator(request: Request) -> bool:
        return role_of(request.state.claims) == "admin"

## Good
    from fastapi import Request

    def role_of(claims: dict[str, str]) -> str:
        return claims.get("role", "")

    def administrator(request: Request) -> bool:
        return role_of(request.state.claims) == "admin"

## How it is found
Defaults of `get` and `getattr`, of columns and of model fields named after roles and flags of power are read; so are `or` fallbacks.

## What it cannot see
Fallbacks spread over several functions.

## How to tell the checker
`# fastness: ignore[FN207] the reason` on the line.

## References
OWASP API5:2023, ASVS 8.2.1, CWE-276 and 636
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from fastness.checker.evidence.project import Project
from fastness.checker.evidence.records import Record, records
from fastness.checker.evidence.scope import Scope
from fastness.checker.evidence.written import written
from fastness.checker.finding import Confidence, Finding, Severity
from fastness.checker.rule import Rule

_FLAG = re.compile(r"^(is_?)?(admin|superuser|super_user|staff|superadmin|root)$|^has_admin\w*$", re.IGNORECASE)
_ROLE = re.compile(r"^(role|user_role|roles|role_name|access_level|privilege|permission_level)$", re.IGNORECASE)
_POWER = re.compile(r"^(admin|administrator|superuser|super_?admin|root|owner|staff|\*|all)$", re.IGNORECASE)


class PowerByDefault(Rule):
    """Who says nothing is an administrator."""

    id, name, control, severity = "FN207", "power-by-default", "access", Severity.HIGH
    owasp, asvs, cwe, guide = ("API5:2023",), ("8.2.1",), (276, 636), (2,)
    why = "a missing claim or value makes the caller an administrator"
    fix = "fall back to no power at all, and refuse what is unknown"

    def read(self, project: Project) -> Iterator[Finding]:
        for call in project.calls("get", "getattr", "pop", "setdefault"):
            at = 1 if call.name == "getattr" else 0
            key, default = call.value(at).text, call.arg("default", at + 1)
            if key and default is not None and _powerful(project, call.scope, key, default):
                yield self._found(project, call.scope, call.node, f"without {key} the caller is {written(default)}")
        for scope, handler in project.nodes(ast.ExceptHandler):
            yield from self._fallen(project, scope, handler)
        for record in records(project):
            yield from self._columns(project, record)

    def _fallen(self, project: Project, scope: Scope, handler: ast.ExceptHandler) -> Iterator[Finding]:
        """An `except` that returns somebody with power."""
        for node in (n for statement in handler.body for n in ast.walk(statement)):
            value = node.value if isinstance(node, ast.Return) else None
            pairs: list[tuple[str, ast.expr]] = []
            if isinstance(value, ast.Call):
                pairs = [(k.arg, k.value) for k in value.keywords if k.arg]
            elif isinstance(value, ast.Dict):
                keys = [k.value if isinstance(k, ast.Constant) else "" for k in value.keys]
                pairs = list(zip(map(str, keys), value.values, strict=True))
            for name, given in pairs:
                if _powerful(project, scope, name, given):
                    yield self._found(
                        project, scope, node, f"when this fails, the caller has {name} = {written(given)}"
                    )

    def _columns(self, project: Project, record: Record) -> Iterator[Finding]:
        if not record.account:
            return
        for name, assignment, cls in record.columns():
            if not isinstance(assignment.value, ast.Call):
                continue
            for keyword in assignment.value.keywords:
                if keyword.arg in {"default", "server_default"} and _powerful(project, cls.scope, name, keyword.value):
                    yield self._found(
                        project,
                        cls.scope,
                        assignment.node,
                        f"every new {record.short} has {name} = {written(keyword.value)}",
                    )

    def _found(self, project: Project, scope: Scope, node: ast.AST, text: str) -> Finding:
        return self.found(
            project.place(scope, node),
            text,
            subject=f"{scope.name} {written(node)[:100]}",
            confidence=Confidence.HIGH,
        )


def _powerful(project: Project, scope: Scope, name: str, default: ast.expr) -> bool:
    value = project.value(scope, default)
    if _FLAG.match(name):
        return value.constant is True or value.text.lower() in {"true", "1"}
    if _ROLE.match(name):
        word = value.text or (default.attr if isinstance(default, ast.Attribute) else "")
        return bool(_POWER.match(word)) or any(_POWER.match(item.text) is not None for item in value.items)
    return False
