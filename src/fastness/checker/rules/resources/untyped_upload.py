"""
## What it looks for
An upload that is kept without a test of what it is, or with a list of what it must not be.

## Why it matters
Somebody stores a page with script, a program or a poisoned document where others open it; a list of the forbidden always
misses one.

## Bad
    from uuid import uuid4
    from fastapi import FastAPI, UploadFile

    app = FastAPI()

    @app.post("/pictures")
    async def picture(file: UploadFile) -> str:
        name = f"pictures/{uuid4()}"
        with open(name, "wb") as target:
            target.write(await file.read(1_000_000))
        return name

## Good
    from uuid import uuid4
    from fastapi import Depends, FastAPI, HTTPException, UploadFile
    from shop.accounts import current_user

    app = FastAPI(dependencies=[Depends(current_user)])

    @app.post("/letters")
    async def letter(file: UploadFile) -> str:
        content = await file.read(1_000_000)
        if file.content_type != "application/pdf" or content[:5] != b"%PDF-":
            raise HTTPException(415)
        name = f"letters/{uuid4()}.pdf"
        with open(name, "wb") as target:
            target.write(content)
        return name

## How it is found
A route with a file among its inputs that is written to disk or to a bucket, in the handler or in a function that gets the
file. A test of the content type, the name's end or the content against what is allowed counts, and so does a parser that
reads it (an image, a table). A list of forbidden names and an `assert` do not.

## What it cannot see
Scanners that look at the bucket later.

## How to tell the checker
`# fastness: ignore[FN406] the reason` on the route.

## References
OWASP API8:2023, ASVS 5.2.2, CWE-434.
"""

from __future__ import annotations

from collections.abc import Iterator

from fastness.checker.evidence.model import Application
from fastness.checker.evidence.uploads import uploads
from fastness.checker.finding import Finding, Severity
from fastness.checker.rule import Rule


class UntypedUpload(Rule):
    """A kept file of any kind."""

    id, name, control, severity = "FN406", "untyped-upload", "uploads", Severity.MEDIUM
    owasp, asvs, cwe = ("API8:2023",), ("5.2.2",), (434,)
    why = "pages with script and programs are stored where others open them"
    fix = "compare content type and first bytes with the few kinds that you want"

    def inspect(self, application: Application) -> Iterator[Finding]:
        for upload in uploads(application):
            if upload.stored and not upload.typed:
                yield self.found(
                    upload.handler.place,
                    f"{upload.name} is kept, and nothing asks what it is",
                    route=upload.route,
                    subject=f"{upload.handler.short} {upload.name}",
                )
