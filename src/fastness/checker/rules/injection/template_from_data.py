"""
## What it looks for
A template whose source holds text of the request.

## Why it matters
`{{ ''.__class__.__mro__[1].__subclasses__() }}` climbs from a template to any function of the program.

## Bad
    from fastapi import FastAPI
    from jinja2 import Template

    app = FastAPI()

    @app.get("/preview")
    def preview(text: str) -> str:
        return Template(f"Hello {text}").render()

## Good
    from fastapi import FastAPI
    from jinja2 import Template

    app = FastAPI()

    @app.get("/preview")
    def preview(text: str) -> str:
        return Template("Hello {{ text }}").render(text=text)

## How it is found
The source given to Jinja2's `Template` and `from_string`, Mako's `Template` and Starlette's environment is followed back
to the request. A `SandboxedEnvironment` is left alone.

## What it cannot see
Templates that users stored before.

## How to tell the checker
`# fastness: ignore[FN310] the reason` on the line of the call.

## References
OWASP API8:2023, ASVS 1.3.7, CWE-1336.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from fastness.checker.evidence.functions import Call
from fastness.checker.evidence.pieces import pieces
from fastness.checker.evidence.project import Project
from fastness.checker.evidence.written import written
from fastness.checker.finding import Finding, Severity
from fastness.checker.rule import Rule

_SANDBOX = ("SandboxedEnvironment", "ImmutableSandboxedEnvironment")


class TemplateFromData(Rule):
    """A template written by the caller."""

    id, name, control, severity = "FN310", "template-from-data", "fields", Severity.CRITICAL
    owasp, asvs, cwe = ("API8:2023",), ("1.3.7",), (1336,)
    why = "a template reaches every object of the program, and so the server"
    fix = "keep the template in the code and give the text to render(), or use SandboxedEnvironment"

    def read(self, project: Project) -> Iterator[Finding]:
        for call in project.calls("jinja2.Template", "from_string", "mako.template.Template"):
            if call.name.endswith("from_string") and (
                call.target is not None or _sandboxed(call) or not _of_jinja(call)
            ):
                continue
            source = call.arg("source", "text", 0)
            asked = {s.name for piece in pieces(project, call.scope, source) for s in piece.asked()}
            if asked:
                yield self.found(
                    call.place, f"the request's {', '.join(sorted(asked))} becomes a template", subject=call.code
                )


def _sandboxed(call: Call) -> bool:
    """Whether the environment is a sandbox, or no environment of a template engine at all."""
    if call.receiver is None:
        return False
    kind = call.project.names.kind(call.scope, call.receiver)
    return kind is not None and call.project.names.is_a(kind, *_SANDBOX)


def _of_jinja(call: Call) -> bool:
    """Whether it is an environment's; many classes that read themselves from a text have a method of this name."""
    receiver = written(call.receiver) if call.receiver is not None else ""
    return "jinja" in call.name.lower() or re.search(r"env|jinja|templat", receiver, re.IGNORECASE) is not None
