"""`Depends(upload(...))`: a route's files, checked while they arrive."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from pathlib import Path
from typing import Any

import anyio
from fastapi import Request
from starlette.requests import ClientDisconnect

from fastness.controls.uploads.archives import ArchiveLimits
from fastness.controls.uploads.form import boundary_of
from fastness.controls.uploads.intake import Intake, Policy
from fastness.controls.uploads.kinds import KINDS
from fastness.controls.uploads.refusals import BadForm, FormTooLarge, TooSlow, answerable
from fastness.controls.uploads.served import Served
from fastness.controls.uploads.uploaded import Uploaded, refuse_served
from fastness.core.declare import limits_body, provides
from fastness.core.errors import Refused, UnsafeConfiguration
from fastness.core.exchange import of
from fastness.core.size import size

_PER_PART = 8 * 4096 + 256
_TEXT_BYTES = 65_536
_DIGITS = 18


class _Upload:
    def __init__(self, policy: Policy, seconds: float) -> None:
        self.policy, self._seconds = policy, seconds
        self._served = Served()
        limits_body(self, policy.max_total)

    @contextlib.asynccontextmanager
    async def _receive(self, request: Request) -> AsyncGenerator[Intake, None]:
        exchange = of(request.scope)
        served = self._served.by(request.scope.get("app"))
        refuse_served(self.policy.folder, served)
        if getattr(request, "_form", None) is not None or hasattr(request, "_body"):
            raise _ALREADY_READ
        intake: Intake | None = None
        try:
            try:
                intake = Intake(self.policy, boundary_of(_header(request, b"content-type")), served)
                self._announced(request)
                with anyio.move_on_after(self._seconds) as limit:
                    async for chunk in request.stream():
                        await intake.feed(chunk)
                    await intake.close()
                if limit.cancelled_caught:
                    raise TooSlow
            except ClientDisconnect:
                raise answerable(exchange, BadForm("the client went away")) from None
            except Refused as refused:
                raise answerable(exchange, refused) from None
            yield intake
        finally:
            if intake is not None:
                intake.discard()

    def _announced(self, request: Request) -> None:
        length = _header(request, b"content-length")
        if length is None:
            return
        if not length.isdigit():
            raise BadForm("Content-Length is not one number")
        if len(length) > _DIGITS or int(length) > self.policy.max_total:
            raise FormTooLarge(members={"max_bytes": self.policy.max_total})

    def openapi(self) -> dict[str, Any]:
        """The request body, for `openapi_extra=`: `@app.post("/avatar", openapi_extra=avatar.openapi())`."""
        policy = self.policy
        one: dict[str, Any] = {"type": "string", "format": "binary"}
        several = {"type": "array", "items": one, "minItems": 1, "maxItems": policy.max_files}
        properties: dict[str, Any] = {policy.field: one if policy.max_files == 1 else several}
        properties |= {name: {"type": "string"} for name in sorted(policy.fields)}
        media = {
            "schema": {"type": "object", "required": [policy.field], "properties": properties},
            "encoding": {policy.field: {"contentType": ", ".join(kind.media_types[0] for kind in policy.kinds)}},
        }
        return {"requestBody": {"required": True, "content": {"multipart/form-data": media}}}


@provides("uploads")
class Upload(_Upload):
    """What `upload` returns: a dependency that gives one `Uploaded`."""

    async def __call__(self, request: Request) -> AsyncIterator[Uploaded]:
        """Read the form; the file is removed when the request ends, unless it was kept."""
        async with self._receive(request) as intake:
            yield intake.files[0]


@provides("uploads")
class Uploads(_Upload):
    """What `uploads` returns: a dependency that gives a list of `Uploaded`, at least one."""

    async def __call__(self, request: Request) -> AsyncIterator[list[Uploaded]]:
        """Read the form; the files are removed when the request ends, unless they were kept."""
        async with self._receive(request) as intake:
            yield intake.files


def upload(
    field: str = "file",
    *,
    types: Iterable[str],
    max_bytes: int | str,
    fields: Iterable[str] = (),
    max_pixels: int = 50_000_000,
    archives: ArchiveLimits | None = None,
    seconds: float = 300,
    folder: str | os.PathLike[str] | None = None,
) -> Upload:
    """One file of a form: `file: Annotated[Uploaded, Depends(upload(types=["png"], max_bytes="2 MiB"))]`.

    Args:
        field: the name of the form's field.
        types: names of types: png, jpeg, gif, webp, pdf, docx, xlsx, pptx, zip, mp4, webm, mp3, csv, json, text;
            unsafe_svg and unsafe_html may hold scripts.
        max_bytes: of the file, as a number or as `"2 MiB"`.
        fields: names of text fields that may come along; each once, 64 KiB at most. Any other field is refused.
        max_pixels: width times height of an image.
        archives: how much may be in a zip file or an Office document.
        seconds: that the whole body may take.
        folder: where files lie while they arrive; the system's temporary folder unless given.

    Raises:
        ValueError: no type, an unknown one, or a limit that nothing satisfies.
    """
    policy = _policy(field, types, max_bytes, 1, None, fields, max_pixels, archives, folder)
    return Upload(policy, seconds)


def uploads(
    field: str = "files",
    *,
    types: Iterable[str],
    max_bytes: int | str,
    max_files: int,
    max_total: int | str | None = None,
    fields: Iterable[str] = (),
    max_pixels: int = 50_000_000,
    archives: ArchiveLimits | None = None,
    seconds: float = 300,
    folder: str | os.PathLike[str] | None = None,
) -> Uploads:
    """One or more files of one field; the rest as in `upload`.

    Args:
        max_files: how many.
        max_total: bytes of the whole body; `max_bytes` times `max_files` unless given.
    """
    policy = _policy(field, types, max_bytes, max_files, max_total, fields, max_pixels, archives, folder)
    return Uploads(policy, seconds)


def _policy(  # noqa: PLR0917 - the two callers above, in order
    field: str,
    types: Iterable[str],
    max_bytes: int | str,
    max_files: int,
    max_total: int | str | None,
    fields: Iterable[str],
    max_pixels: int,
    archives: ArchiveLimits | None,
    folder: str | os.PathLike[str] | None,
) -> Policy:
    names, texts, most = tuple(types), frozenset(fields), size(max_bytes)
    unknown = [name for name in names if name not in KINDS]
    if not names or unknown or isinstance(types, str):
        raise ValueError(f"upload needs types from this list: {', '.join(KINDS)}")
    if most < 1 or max_files < 1 or max_pixels < 1 or not field or field in texts or isinstance(fields, str):
        raise ValueError("upload needs a field, max_bytes, max_files and max_pixels of at least 1")
    overhead = _PER_PART * (max_files + len(texts)) + _TEXT_BYTES * bool(texts)
    return Policy(
        field=field,
        kinds=tuple(kind for name, kind in KINDS.items() if name in names),
        max_bytes=most,
        max_total=size(max_total) if max_total is not None else most * max_files + overhead,
        max_files=max_files,
        fields=texts,
        max_pixels=max_pixels,
        archives=archives or ArchiveLimits(),
        folder=Path(folder if folder is not None else tempfile.gettempdir()),
    )


def _header(request: Request, name: bytes) -> bytes | None:
    values = [value for key, value in request.scope["headers"] if key == name]
    return values[0] if len(values) == 1 else (b"" if values else None)


_ALREADY_READ = UnsafeConfiguration(
    "the form was read before the upload could look at it",
    where="a route with an upload() and a Form(), File() or body parameter of its own",
    why="FastAPI reads the whole body before any dependency runs, whatever its size",
    fix='name the text fields in upload(fields=["title"]) and read them from file.fields',
)
