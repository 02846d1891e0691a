"""
## What it looks for
Settings of the application that are read from the environment one by one, as text and without types, instead of by one settings class.

## Why it matters
`os.getenv("DEBUG", False)` is true for the text `"false"`; a missing secret becomes `None` and signs with the key `"None"`; and no
one place says what must be set.

## Bad
    import os
    from fastapi import FastAPI

    DEBUG = os.getenv("DEBUG", False)
    app = FastAPI(debug=DEBUG)

## Good
    from fastapi import FastAPI
    from pydantic_settings import BaseSettings

    class Settings(BaseSettings):
        debug: bool = False

    app = FastAPI(debug=Settings().debug)

## How it is found
Reads of the environment outside settings classes are gathered. A boolean that stays text is an error by itself; a project that reads
several secrets this way gets one finding, for pedantic readers.

## What it cannot see
Loaders that convert later.

## How to tell the checker
`# fastness: ignore[FN713] the reason` on the line that reads.

## References
OWASP API8:2023, ASVS 13.1.1, CWE-1188
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from fastness.checker.evidence.functions import Call
from fastness.checker.evidence.project import Project
from fastness.checker.evidence.reading import environment
from fastness.checker.evidence.walking import walk
from fastness.checker.finding import Confidence, Finding, Persona, Severity
from fastness.checker.rule import Rule

_SECRET = re.compile(r"secret|password|token|api_?key|private_?key|dsn|database_url|credential", re.IGNORECASE)
_PRESENCE = re.compile(r"^(CI|GITHUB_ACTIONS|PYTEST_\w+|KUBERNETES_SERVICE_HOST|VERCEL|DYNO|JENKINS_\w*)$")
"""Variables that are there or not."""
_FEW = 3


class UntypedSettings(Rule):
    """Texts where types were meant."""

    id, name, control, severity = "FN713", "untyped-settings", "secrets", Severity.LOW
    owasp, asvs, cwe, guide = ("API8:2023",), ("13.1.1",), (1188,), (9,)
    why = "the text 'false' switches on, and a missing secret is found out in production"
    fix = "read settings once, with types: class Settings(BaseSettings): debug: bool = False"

    def read(self, project: Project) -> Iterator[Finding]:
        plain: list[Call] = []
        for call in project.calls("os.getenv", "os.environ.get"):
            default = call.arg("default", 1)
            if isinstance(default, ast.Constant) and isinstance(default.value, bool) and _stays_text(call):
                if _PRESENCE.match(call.value(0).text):
                    continue
                yield self.found(
                    call.place,
                    f"{call.value(0).text or 'a switch'} is a text, and 'false' is true",
                    subject=call.code[:100],
                    severity=Severity.MEDIUM,
                    confidence=Confidence.HIGH if default.value is False else Confidence.MEDIUM,
                )
            elif _SECRET.search(call.value(0).text):
                plain.append(call)
        has_settings = any(True for _ in project.settings())
        if has_settings:
            yield from self._past(project, plain)
        if len(plain) >= _FEW and not has_settings:
            yield self.found(
                plain[0].place,
                f"{len(plain)} secrets are read from the environment one by one, without types",
                subject="settings",
                confidence=Confidence.MEDIUM,
                persona=Persona.PEDANTIC,
            )

    def _past(self, project: Project, calls: list[Call]) -> Iterator[Finding]:
        """Secrets that are read beside the settings class: nothing says their type, and nothing stops a start without them."""
        read = [(call.value(0).text, call.place) for call in calls]
        for scope, node in project.nodes(ast.Subscript):
            found = environment(project.names, scope, node)
            if found is not None and _SECRET.search(found.variable):
                read.append((found.variable, project.place(scope, node)))
        for name, place in read:
            yield self.found(
                place,
                f"{name} is read past the settings",
                subject=name,
                confidence=Confidence.MEDIUM,
                persona=Persona.PEDANTIC,
            )


def _stays_text(call: Call) -> bool:
    """Whether nobody turns the answer into a boolean: the call is no argument and no part of a comparison."""
    for scope_node in walk(call.scope.node if not isinstance(call.scope.node, ast.Module) else call.module.tree):
        if isinstance(scope_node, (ast.Call, ast.Compare)) and scope_node is not call.node:
            inside = (
                [*scope_node.args, *(k.value for k in scope_node.keywords)]
                if isinstance(scope_node, ast.Call)
                else [scope_node.left, *scope_node.comparators]
            )
            receiver = (
                scope_node.func.value
                if isinstance(scope_node, ast.Call) and isinstance(scope_node.func, ast.Attribute)
                else None
            )
            if any(_is(part, call.node) for part in (*inside, receiver)):
                return False
    return True


def _is(expr: ast.AST | None, wanted: ast.AST) -> bool:
    return expr is wanted or (isinstance(expr, ast.Call) and expr.func is wanted)
