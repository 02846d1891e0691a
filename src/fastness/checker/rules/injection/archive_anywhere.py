"""
## What it looks for
A tar archive that is unpacked without a filter.

## Why it matters
A member called `../../app/main.py`, or a link, replaces files outside the folder.

## Bad
    import tarfile
    from fastapi import Depends, FastAPI, HTTPException, UploadFile
    from shop.accounts import current_user

    app = FastAPI(dependencies=[Depends(current_user)])

    @app.post("/backup")
    def backup(file: UploadFile) -> None:
        with tarfile.open(fileobj=file.file) as archive:
            archive.extractall("data")

## Good
    import tarfile
    from fastapi import Depends, FastAPI, HTTPException, UploadFile
    from shop.accounts import current_user

    app = FastAPI(dependencies=[Depends(current_user)])

    @app.post("/backup")
    def backup(file: UploadFile) -> None:
        if file.content_type != "application/x-tar" or (file.size or 0) > 1_000_000:
            raise HTTPException(415)
        with tarfile.open(fileobj=file.file) as archive:
            archive.extractall("data", filter="data")

## How it is found
`extractall` and `extract` of an archive that `tarfile` opened, without `filter="data"` or `filter="tar"`, and without a test of
the members. Python 3.14 filters by itself; zip archives drop such names.

## What it cannot see
Who made the archive: one that the program packed itself is harmless.

## How to tell the checker
`# fastness: ignore[FN314] the reason` on the line.

## References
OWASP API8:2023, ASVS 5.3.2, CWE-22.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from fastness.checker.evidence.functions import Call
from fastness.checker.evidence.project import Project
from fastness.checker.finding import Confidence, Finding, Persona, Severity
from fastness.checker.rule import Rule

_TESTS = re.compile(r"is_relative_to|commonpath|commonprefix|startswith|realpath|issym|islnk")


class ArchiveAnywhere(Rule):
    """An archive that writes where it wants."""

    id, name, control, severity = "FN314", "archive-anywhere", "uploads", Severity.HIGH
    owasp, asvs, cwe = ("API8:2023",), ("5.3.2",), (22,)
    why = "a member of the archive replaces files of the program"
    fix = 'unpack with archive.extractall(folder, filter="data")'

    def read(self, project: Project) -> Iterator[Finding]:
        for call in project.calls("extractall", "extract"):
            if call.receiver is None or not _is_tar(call) or call.has("filter") or call.has("members"):
                continue
            function = call.function
            if function is not None and any(_TESTS.search(c.name) for c in function.calls()):
                continue
            asked = any(s.kind == "request" for s in project.flow.origins(call.scope, call.receiver))
            yield self.found(
                call.place,
                "the archive decides where its members go",
                subject=call.code,
                confidence=Confidence.HIGH if asked else Confidence.LOW,
                severity=Severity.HIGH if asked else Severity.MEDIUM,
                persona=Persona.REGULAR if asked else Persona.PEDANTIC,
            )


def _is_tar(call: Call) -> bool:
    if call.receiver is None:
        return False
    if "tarfile" in call.name:
        return True
    kind = call.project.names.kind(call.scope, call.receiver)
    return kind is not None and "tarfile" in call.project.names.name(kind)
