"""Handing a stored file out again, so that a browser saves it and never runs it (ASVS 5.3.1, 5.4.1, 5.4.2)."""

from __future__ import annotations

import os
import re
from urllib.parse import quote

from starlette.responses import FileResponse

from fastness.core.file_name import UnsafeName, safe_file_name

_MEDIA_TYPE = re.compile(r"[a-z0-9!#$&^_.+-]+/[a-z0-9!#$&^_.+-]+")
_TOKEN = re.compile(r"[^A-Za-z0-9._ -]")


def download(path: str | os.PathLike[str], name: str, *, media_type: str = "application/octet-stream") -> FileResponse:
    """The file at `path` as an attachment called `name` (RFC 6266), which no browser shows or runs.

    `path` comes from your database, never from the request. An unsafe name becomes `download`.

    Raises:
        ValueError: `media_type` is none.
    """
    if not _MEDIA_TYPE.fullmatch(media_type):
        raise ValueError('media_type is not one: write "application/pdf"')
    try:
        shown = safe_file_name(name)
    except UnsafeName:
        shown = "download"
    plain = _TOKEN.sub("_", shown)
    return FileResponse(
        path,
        media_type=media_type,
        headers={
            "Content-Disposition": f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(shown, safe='')}",
            "X-Content-Type-Options": "nosniff",
            "Content-Security-Policy": "sandbox; default-src 'none'",
            "Cross-Origin-Resource-Policy": "same-origin",
        },
    )
