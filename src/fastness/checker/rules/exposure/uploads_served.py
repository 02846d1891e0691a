"""
## What it looks for
Files that users upload, served again from the application's own origin.

## Why it matters
An uploaded page or SVG runs as the application: it reads the session and acts for whoever opens it.

## Bad
    from fastapi import FastAPI
    from fastapi.staticfiles import StaticFiles

    app = FastAPI()
    app.mount("/uploads", StaticFiles(directory="uploads"))

## Good
    from fastapi import FastAPI
    from fastapi.staticfiles import StaticFiles

    app = FastAPI()
    app.mount("/static", StaticFiles(directory="static"))

## How it is found
Folders of `StaticFiles` that are named after uploads or that a route writes an `UploadFile` into. `FileResponse` with an attachment's file
name is fine.

## What it cannot see
Stores of another host, and proxies that add `Content-Disposition`.

## How to tell the checker
`# fastness: ignore[FN711] the reason` on the line of the mount.

## References
OWASP API8:2023, ASVS 5.3.1 and 3.2.1, CWE-434
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from fastness.checker.evidence.found import Variable
from fastness.checker.evidence.model import Application
from fastness.checker.evidence.project import Project
from fastness.checker.evidence.scope import Scope
from fastness.checker.evidence.uploads import uploads
from fastness.checker.evidence.written import written
from fastness.checker.finding import Confidence, Finding, Persona, Severity
from fastness.checker.rule import Rule

_UPLOADS = re.compile(r"upload|user_?files?|user_?content|attachments?|avatars?", re.IGNORECASE)


class UploadsServed(Rule):
    """A stranger's file speaks for the application."""

    id, name, control, severity = "FN711", "uploads-served", "uploads", Severity.MEDIUM
    owasp, asvs, cwe, guide = ("API8:2023",), ("5.3.1", "3.2.1"), (434, 79), (4,)
    why = "an uploaded page runs in the application's origin, with its users' sessions"
    fix = "serve uploads from another host, or as attachments through a route: FileResponse(path, filename=...)"

    def read(self, project: Project) -> Iterator[Finding]:
        takes_files = any(p.source == "file" for _, route in project.routes() for p in route.parameters)
        stored = {name for app in project.applications for name in _folders(app)}
        for call in project.calls("StaticFiles"):
            folder = call.arg("directory", 0)
            if folder is None:
                continue
            text = f"{call.value('directory', 0).text} {written(folder)}"
            if _UPLOADS.search(text) or (stored and _named(project, call.scope, folder) in stored):
                yield self.found(
                    call.place,
                    f"what users upload is served from {text.split(maxsplit=1)[0] if text.strip() else 'a static folder'}",
                    subject=written(folder)[:100],
                    confidence=Confidence.HIGH if takes_files else Confidence.MEDIUM,
                    persona=Persona.REGULAR,
                )


def _folders(application: Application) -> Iterator[str]:
    """The constants of the project that hold the folders in which routes keep uploads: `(MEDIA / name).write_bytes(...)`."""
    for upload in uploads(application):
        for held, call in upload.calls() if upload.stored else ():
            path = call.receiver if call.name.rpartition(".")[2] == "write_bytes" else call.arg("file", 0)
            if call.name.rpartition(".")[2] not in {"write_bytes", "open"} or path is None:
                continue
            for node in ast.walk(path):
                if isinstance(node, (ast.Name, ast.Attribute)):
                    yield from filter(None, [_named(held.function.project, call.scope, node)])


def _named(project: Project, scope: Scope, expr: ast.expr) -> str:
    """The full name of a constant of a module, or of a setting; empty for all else."""
    found = project.names.resolve(scope, expr)
    if isinstance(found, Variable) and found.scope.kind in {"module", "class"}:
        return project.names.name(found)
    return ""
