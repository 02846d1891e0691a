"""
## What it looks for
A program whose name the caller chooses.

## Why it matters
Without a shell it is still any program on the server, with any arguments.

## Bad
    import subprocess
    from fastapi import Depends, FastAPI
    from shop.accounts import current_user

    app = FastAPI(dependencies=[Depends(current_user)])

    @app.get("/run")
    def run(tool: str, target: str) -> bytes:
        return subprocess.check_output([tool, target])

## Good
    import subprocess
    from typing import Literal
    from fastapi import Depends, FastAPI
    from shop.accounts import current_user

    app = FastAPI(dependencies=[Depends(current_user)])

    @app.get("/run")
    def run(tool: Literal["dig", "whois"], target: str) -> bytes:
        return subprocess.check_output([tool, "--", target])

## How it is found
The first element of the list that `subprocess`, `os.exec*`, `os.spawn*` and `create_subprocess_exec` get is followed back.

## What it cannot see
Options that a program takes from a later argument: put `--` in front of them.

## How to tell the checker
`# fastness: ignore[FN305] the reason` on the line.

## References
OWASP API8:2023, ASVS 1.2.5, CWE-88.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from fastness.checker.evidence.project import Project
from fastness.checker.evidence.verified import verified
from fastness.checker.finding import Finding, Severity
from fastness.checker.rule import Rule

_LISTS = ("subprocess.run", "subprocess.call", "subprocess.Popen", "subprocess.check_output", "subprocess.check_call")
_FIRST = ("create_subprocess_exec", "os.execv", "os.execvp", "os.execl", "os.execlp", "os.spawnl", "os.spawnlp")


class RequestStartsProgram(Rule):
    """The caller's program."""

    id, name, control, severity = "FN305", "request-starts-program", "fields", Severity.HIGH
    owasp, asvs, cwe = ("API8:2023",), ("1.2.5",), (88,)
    why = "the caller starts any program of the server"
    fix = "choose the program in the code, from a table or a Literal"

    def read(self, project: Project) -> Iterator[Finding]:
        for call in project.calls(*_LISTS, *_FIRST):
            given = call.arg("args", "program", 0)
            if given is None or call.target is not None or call.value("shell"):
                continue
            first = given if call.is_a(*_FIRST) else _head(given)
            if first is None or verified(project, call.scope, first):
                continue
            asked = {s.name for s in project.flow.requested(call.scope, first)}
            if asked:
                yield self.found(
                    call.place,
                    f"the request's {', '.join(sorted(asked))} decides which program runs",
                    subject=call.code,
                )


def _head(given: ast.expr) -> ast.expr | None:
    """The first element of a list; a text or name handed over whole is its own head."""
    if isinstance(given, (ast.List, ast.Tuple)):
        return given.elts[0] if given.elts else None
    return given if isinstance(given, (ast.Name, ast.Attribute, ast.Call)) else None
