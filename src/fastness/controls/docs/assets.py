"""The scripts and styles of Swagger UI and ReDoc, from the installed package that carries them.

Only this file knows the package: fastapi-offline, whose files are those of swagger-ui-dist and redoc on npm, unchanged.
It is not imported; its files are read.
"""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

EXTRA = "docs"
SWAGGER_SCRIPT, SWAGGER_STYLE, REDOC_SCRIPT = "swagger-ui-bundle.js", "swagger-ui.css", "redoc.standalone.js"
_PACKAGE, _FOLDER = "fastapi_offline", "static"
# ReDoc's own logo is the one thing that it would ask another host for.
_FOREIGN_LOGO = b"https://cdn.redoc.ly/redoc/logo-mini.svg"


def folder() -> Path | None:
    """Where the files are, or None when the extra is not installed."""
    spec = find_spec(_PACKAGE)
    places = spec.submodule_search_locations if spec is not None else None
    found = [Path(place) / _FOLDER for place in places or ()]
    names = (SWAGGER_SCRIPT, SWAGGER_STYLE, REDOC_SCRIPT)
    return next((place for place in found if all((place / name).is_file() for name in names)), None)


class File:
    """One of these files as a route below the page that uses it, read when it is first asked for."""

    def __init__(self, page: str, place: Path) -> None:
        self._place = place
        self.path = f"{page.rstrip('/')}/{place.name}"

    @property
    def address(self) -> str:
        """The path with a mark that changes with the content, so that a browser may keep the file."""
        return f"{self.path}?v={_read(self._place)[1]}"

    async def send(self, _: Request) -> Response:
        """The file."""
        kind = "text/css" if self._place.suffix == ".css" else "text/javascript"
        # Private: who may read the page is not for a shared cache to decide.
        headers = {"cache-control": "private, max-age=31536000, immutable"}
        return Response(_read(self._place)[0], media_type=kind, headers=headers)


@cache
def _read(place: Path) -> tuple[bytes, str]:
    content = place.read_bytes().replace(_FOREIGN_LOGO, b"data:,")
    return content, hashlib.sha256(content).hexdigest()[:16]
