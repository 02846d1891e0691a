"""
## What it looks for
An upload that is read to its end, however long it is.

## Why it matters
One request of ten gigabytes fills the memory or the disk, and a few of them stop the service.

## Bad
    from fastapi import FastAPI, UploadFile

    app = FastAPI()

    @app.post("/count")
    async def count(file: UploadFile) -> int:
        return len((await file.read()).split())

## Good
    from fastapi import FastAPI, HTTPException, UploadFile

    app = FastAPI()
    MOST = 5_000_000

    @app.post("/count")
    async def count(file: UploadFile) -> int:
        if file.size is None or file.size > MOST:
            raise HTTPException(413)
        return len((await file.read(MOST)).split())

## How it is found
A route with a file among its inputs is followed through the functions that get the file. It is reported when the file is
read or copied whole and nothing compares its size: no `read(n)`, `file.size`, `len(...)`, Content-Length, no limit for all
bodies (a middleware, `max_body_size`, a proxy's configuration in the folder).

## What it cannot see
A limit in a gateway whose configuration lies elsewhere: say `gateway = {body = "the ingress allows 10 MB"}`.

## How to tell the checker
`# fastness: ignore[FN405] the reason` on the route, or `gateway` in pyproject.toml.

## References
OWASP API4:2023, ASVS 5.2.1, CWE-770.
"""

from __future__ import annotations

from collections.abc import Iterator

from fastness.checker.evidence.model import Application
from fastness.checker.evidence.uploads import limited, uploads
from fastness.checker.finding import Finding, Severity
from fastness.checker.rule import Rule


class UnlimitedUpload(Rule):
    """A file of any size."""

    id, name, control, severity = "FN405", "unlimited-upload", "uploads", Severity.MEDIUM
    owasp, asvs, cwe = ("API4:2023",), ("5.2.1",), (770,)
    why = "one large request fills the memory or the disk"
    fix = "refuse what is longer than a limit while it arrives: await file.read(MOST + 1)"

    def inspect(self, application: Application) -> Iterator[Finding]:
        for upload in uploads(application):
            if limited(application, upload.handler.project):
                return
            if upload.whole and not upload.sized:
                yield self.found(
                    upload.handler.place,
                    f"{upload.name} is read to its end, however long it is",
                    route=upload.route,
                    subject=f"{upload.handler.short} {upload.name}",
                )
