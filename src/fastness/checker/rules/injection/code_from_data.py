"""
## What it looks for
`eval`, `exec` or `__import__` on text that the program did not write: a request, a model's answer, a stored formula.

## Why it matters
It is the whole language: files, secrets, the network, all as the server.

## Bad
    from fastapi import FastAPI

    app = FastAPI()

    @app.get("/price")
    def price(formula: str) -> float:
        return eval(formula)

## Good
    import ast
    from fastapi import FastAPI

    app = FastAPI()

    @app.get("/price")
    def price(numbers: str) -> float:
        return float(sum(ast.literal_eval(numbers)))

## How it is found
Each call of these functions, and of `compile` whose result is run, is reported unless its text is a constant of the code.
Text of the request is an error; other text is reported with less confidence, and where it was tested to pedantic readers.

## What it cannot see
Libraries that evaluate on your behalf.

## How to tell the checker
`# fastness: ignore[FN306] the reason` on the line of the call.

## References
OWASP API8:2023, ASVS 1.3.2, CWE-95.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from fastness.checker.evidence.found import default_of
from fastness.checker.evidence.functions import Call
from fastness.checker.evidence.pieces import Piece, pieces
from fastness.checker.evidence.project import Project
from fastness.checker.evidence.scope import Scope
from fastness.checker.evidence.verified import verified
from fastness.checker.evidence.walking import walk
from fastness.checker.evidence.written import written
from fastness.checker.finding import Confidence, Finding, Persona, Severity
from fastness.checker.rule import Rule

_RUNS = ("eval", "exec", "__import__", "importlib.import_module")
_TREES = re.compile(
    r"(^|\.)(Expression|Module|Interactive|unparse|getsource|get_source_segment|get_code|source_to_code)$"
)
DEEP = 3
_PLAIN = frozenset({"eval", "exec", "__import__", "builtins.eval", "builtins.exec"})


class CodeFromData(Rule):
    """Data that is run as code."""

    id, name, control, severity = "FN306", "code-from-data", "fields", Severity.CRITICAL
    owasp, asvs, cwe = ("API8:2023", "API10:2023"), ("1.3.2",), (95,)
    why = "whoever writes the text runs code as the server"
    fix = "parse the text: ast.literal_eval, json.loads, or a table of what is allowed"

    def read(self, project: Project) -> Iterator[Finding]:
        for call in project.calls(*_RUNS):
            if call.receiver is None and call.name not in _PLAIN and not call.name.endswith("import_module"):
                continue
            if call.receiver is not None and not call.name.startswith(("builtins.", "importlib.")):
                continue
            code = call.arg("source", "name", 0)
            if code is None or project.value(call.scope, code).known or _of_a_tree(call.scope, code):
                continue
            finding = self._judged(project, call)
            if finding is not None:
                yield finding

    def _judged(self, project: Project, call: Call) -> Finding | None:
        code = call.arg("source", "name", 0)
        parts = list(pieces(project, call.scope, code))
        asked = {s.name for p in parts for s in p.asked() if not verified(project, p.scope, p.expr)}
        word = call.name.rpartition(".")[2]
        if asked:
            return self.found(
                call.place, f"the request's {', '.join(sorted(asked))} is run as code by {word}", subject=call.code
            )
        if not parts or word in {"import_module", "__import__"}:
            return None
        unsure = any(p.asked() for p in parts)
        return self.found(
            call.place,
            f"text that the program did not write is run as code by {word}",
            subject=call.code,
            severity=Severity.HIGH,
            confidence=Confidence.LOW if unsure else Confidence.MEDIUM,
            persona=Persona.PEDANTIC if unsure or _trusted(parts) or _defaulted(call.scope, code) else Persona.REGULAR,
        )


def _of_a_tree(scope: Scope, code: ast.expr, deep: int = 0) -> bool:
    """Whether it was compiled from a syntax tree, or taken from Python files: code that is there to be run, no text of a caller."""
    if isinstance(code, ast.Name) and deep < DEEP:
        made = [a.value for a in scope.assigned.get(code.id, []) if a.value is not None]
        return bool(made) and all(_of_a_tree(scope, value, deep + 1) for value in made)
    return any(isinstance(node, ast.Call) and _TREES.search(written(node.func)) is not None for node in walk(code))


def _defaulted(scope: Scope, code: ast.expr | None) -> bool:
    """Whether it is a parameter whose default is a text: a name that the program's own parts choose among."""
    arg = scope.parameter(code.id) if isinstance(code, ast.Name) else None
    default = default_of(scope, arg) if arg is not None else None
    return isinstance(default, ast.Constant) and isinstance(default.value, str)


def _trusted(parts: list[Piece]) -> bool:
    """Whether every piece is the program's own: a setting, a file of its package."""
    sources = [s for p in parts for s in p.sources]
    return bool(sources) and all(s.kind in {"environment", "literal"} or s.harmless for s in sources)
