"""
## What it looks for
A regular expression with a repeated group that repeats itself, on text of the request.

## Why it matters
Forty characters keep a worker busy for minutes, and no timeout stops it.

## Bad
    import re
    from fastapi import FastAPI

    app = FastAPI()
    NAME = re.compile(r"^([a-z]+ ?)+$")

    @app.get("/check")
    def check(name: str) -> bool:
        return NAME.match(name) is not None

## Good
    import re
    from typing import Annotated
    from fastapi import FastAPI, Query

    app = FastAPI()
    NAME = re.compile(r"^[a-z]+( [a-z]+)*$")

    @app.get("/check")
    def check(name: Annotated[str, Query(max_length=50)]) -> bool:
        return NAME.match(name) is not None

## How it is found
Patterns written in the code in which a group begins with something repeated and is itself repeated, where the text comes from the request. Parameters with a short `max_length` are left alone.

## What it cannot see
Patterns that are built while the program runs.

## How to tell the checker
`# fastness: ignore[FN319] the reason` on the line.

## References
OWASP API4:2023, ASVS 1.3.12, CWE-1333.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from fastness.checker.evidence.found import Variable
from fastness.checker.evidence.functions import Call, Function
from fastness.checker.evidence.project import Project
from fastness.checker.finding import Confidence, Finding, Persona, Severity
from fastness.checker.rule import Rule

_ATOM = r"(?:\[[^\]]+\]|\\.|[^()\\|])"
_NESTED = re.compile(rf"\((?:\?:)?{_ATOM}[+*](?:{_ATOM}[?*])?\)[+*]")
SHORT = 100


class SlowPattern(Rule):
    """A pattern that may never end."""

    id, name, control, severity = "FN319", "slow-pattern", "fields", Severity.MEDIUM
    persona = Persona.PEDANTIC
    owasp, asvs, cwe = ("API4:2023",), ("1.3.12",), (1333,)
    why = "a short text keeps a worker busy for minutes"
    fix = "let each character match in one way only, and bound the text: Query(max_length=50)"

    def read(self, project: Project) -> Iterator[Finding]:
        for call in project.calls("match", "fullmatch", "search", "sub", "findall", "split", "finditer"):
            pattern, at = _asked(project, call)
            if _NESTED.search(pattern) and _open(project, call, at):
                yield self.found(
                    call.place,
                    f"the pattern {pattern[:40]!r} may take minutes on a short text",
                    subject=call.code,
                    confidence=Confidence.MEDIUM,
                )


def _asked(project: Project, call: Call) -> tuple[str, int]:
    """The pattern and the position of the text, for `re.match(pattern, text)` and `PATTERN.match(text)`."""
    if call.name.startswith("re.") and not call.name.startswith("re.compile"):
        return call.value("pattern", 0).text, 2 if call.name.endswith(".sub") else 1
    receiver = call.receiver
    found = project.names.resolve(call.scope, receiver) if receiver is not None else None
    made = found.last.value if isinstance(found, Variable) else None
    args = getattr(made, "args", None)
    if isinstance(found, Variable) and args and project.names.dotted(found.scope, made.func) == "re.compile":  # type: ignore[union-attr]
        return project.value(found.scope, args[0]).text, 0 if not call.name.endswith(".sub") else 1
    return "", 0


def _open(project: Project, call: Call, at: int) -> bool:
    """Whether the text comes from the request and may be long."""
    argument = call.arg("string", at)
    if isinstance(argument, ast.Name) and call.function is not None and _validates(call.function, argument.id):
        return True
    asked = project.flow.requested(call.scope, argument) if argument is not None else []
    short = {
        p.place
        for _, route in project.routes()
        for p in route.parameters
        if isinstance(most := p.bound("max_length"), int) and most <= SHORT
    }
    return any(source.place not in short for source in asked)


def _validates(function: Function, name: str) -> bool:
    """Whether a parameter is the text of a field that Pydantic gives to `AfterValidator(function)` and its kind."""
    project = function.project
    if function.owner is not None or [a.arg for a in function.parameters][:1] != [name]:
        return False
    for call in project.calls("AfterValidator", "BeforeValidator"):
        given = call.arg("func", 0)
        if given is not None and project.names.resolve(call.scope, given) is function.scope:
            return True
    return False
