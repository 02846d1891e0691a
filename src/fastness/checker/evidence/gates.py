"""Authentication in middleware: which paths it covers, and what it does there."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fastness.checker.evidence.found import matches
from fastness.checker.evidence.functions import Function
from fastness.checker.evidence.guards import Guards
from fastness.checker.evidence.model import Guard
from fastness.checker.evidence.scope import Scope
from fastness.checker.evidence.spelling import short
from fastness.checker.evidence.value import Value
from fastness.checker.evidence.walking import walk
from fastness.checker.evidence.written import written

if TYPE_CHECKING:
    from fastness.checker.evidence.project import Project

_PATH = re.compile(r"\b(path|url|route|endpoint)\b|_path\b")
_PASSED = re.compile(r"return .*(next|self\._?app\(|get_response)|await self\._?app\(|await \w*next\w*\(|\breturn$")
_REFUSED = re.compile(r"40[13]|UNAUTHORIZED|FORBIDDEN|Redirect")


@dataclass(frozen=True, slots=True)
class Gate:
    """One middleware that stops strangers."""

    guard: Guard
    exempt: tuple[str, ...] = ()
    """Paths it lets pass; a prefix where the code asks with `startswith`."""
    only: tuple[str, ...] = ()
    """The only paths it covers; empty for all."""

    def covers(self, path: str) -> bool:
        """Whether a route's path is behind it."""
        if self.only and not any(_under(path, one) for one in self.only):
            return False
        return not any(_under(path, one) for one in self.exempt)


class Gates:
    """Finds gates among the middleware of an application."""

    def __init__(self, project: Project, guards: Guards) -> None:
        self._project = project
        self._guards = guards

    def of_class(self, scope: Scope, name: str, options: tuple[tuple[str, object], ...]) -> Gate | None:
        """The gate that a middleware class is, or None."""
        methods = [self._project.function_of(s) for s in scope.every if s.kind == "function" and s.short != "__init__"]
        gate = self._judged(methods, f"middleware {short(name)}", scope)
        if gate is None:
            return None
        given = tuple(t for _, value in options for t in _texts(value) if t.startswith("/"))
        return Gate(gate.guard, (*gate.exempt, *given), gate.only)

    def of_function(self, scope: Scope) -> Gate | None:
        """The gate that a function under `@app.middleware("http")` is, or None."""
        return self._judged([self._project.function_of(scope)], f"middleware {scope.short}", scope)

    def declared(self, name: str) -> Gate | None:
        """A gate that configuration declares."""
        if matches(name, self._project.intent.access):
            return Gate(Guard("access", f"middleware {short(name)}, declared"))
        return None

    def _judged(self, functions: list[Function], how: str, scope: Scope) -> Gate | None:
        natures = [self._guards.natures.of(f) for f in functions]
        verdicts = [self._guards.verdicts.of(f) for f in functions]
        credential = next((n.credential for n in natures if n.credential), "") or next(
            (v.credential for v in verdicts if v.credential), ""
        )
        denies = any(n.denies for n in natures) or any(v.stops for v in verdicts)
        if not credential or not denies:
            return None
        exempt: list[str] = []
        only: list[str] = []
        for function in functions:
            self._paths(function, exempt, only)
        return Gate(
            Guard("access", f"{how} ({credential})", self._project.place(scope, scope.node)), tuple(exempt), tuple(only)
        )

    def _paths(self, function: Function, exempt: list[str], only: list[str]) -> None:
        """Sort the paths that tests name: what passes at once is exempt, what alone is refused is all that is covered."""
        for node in function.nodes(ast.If):
            if not _PATH.search(_text(node.test)):
                continue
            paths = [p for p in self._tested(function.scope, node.test) if p.startswith(("/", "^/"))]
            body = " ".join(_text(statement) for statement in node.body)
            refuses = (
                any(isinstance(n, ast.Raise) for s in node.body for n in walk(s)) or _REFUSED.search(body) is not None
            )
            passes = not refuses and _PASSED.search(body) is not None
            if passes or refuses:
                (exempt if passes != _inverted(node.test) else only).extend(paths)

    def _tested(self, scope: Scope, test: ast.expr) -> list[str]:
        found: list[str] = []
        for part in walk(test):
            if isinstance(part, ast.Compare):
                for side in (part.left, *part.comparators):
                    found.extend(_texts_of(self._project.value(scope, side)))
            elif isinstance(part, ast.Call):
                for argument in part.args:
                    suffix = (
                        "*"
                        if isinstance(part.func, ast.Attribute) and part.func.attr in {"startswith", "match"}
                        else ""
                    )
                    found.extend(t + suffix for t in _texts_of(self._project.value(scope, argument)))
            elif isinstance(part, ast.comprehension):
                found.extend(t + "*" for t in _texts_of(self._project.value(scope, part.iter)))
        return found


def _under(path: str, one: str) -> bool:
    one = one.removeprefix("^").removesuffix("$")
    if one.endswith("*"):
        return path.startswith(one.rstrip("*"))
    return path.rstrip("/") == one.rstrip("/")


def _inverted(test: ast.expr) -> bool:
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return True
    return any(
        isinstance(op, (ast.NotIn, ast.NotEq))
        for node in walk(test)
        if isinstance(node, ast.Compare)
        for op in node.ops
    )


def _texts_of(value: Value) -> list[str]:
    if value.text:
        return [value.text]
    return [t for item in value.items for t in _texts_of(item)]


def _texts(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    return [v for v in value if isinstance(v, str)] if isinstance(value, (list, tuple, set)) else []


def _text(node: ast.AST) -> str:
    return written(node)
