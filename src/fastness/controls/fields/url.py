"""Absolute URLs that every parser reads the same way.

Where the host leads is another question: fetching such a URL still needs the outbound control (API7:2023).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import PydanticCustomError, core_schema

from fastness.controls.fields.text import Checked, wrong
from fastness.core.destination import one_meaning

_LONGEST = 2048
_PORTS = 65_535
# One pass, no nested repetition: linear. RFC 3986 section 2 characters only; user information cannot match.
_URL = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+)(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<rest>(?:[/?#](?:[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*)?)"
)
_ENCODED_CONTROL = re.compile(r"%(?:[01][0-9a-fA-F]|7[fF])")


class Url:
    """`Annotated[str, Url(schemes=("https", "http"))]`: an absolute URL of one of these schemes, host required.

    Refused: user information, backslashes, white space, control characters (percent-encoded ones too), characters
    outside ASCII, numeric hosts in any spelling but the usual (`0x7f.1`, `2130706433`). Kept as typed, with scheme and
    host in lower case. ASVS 1.2.2, 1.3.6.
    """

    def __init__(self, schemes: Sequence[str] = ("https",)) -> None:
        """Raises ValueError for no scheme at all, or one that runs code or reads files in a browser."""
        self.schemes = tuple(scheme.lower() for scheme in schemes)
        if not self.schemes or {"javascript", "data", "vbscript", "file", "blob"} & set(self.schemes):
            raise ValueError("Url needs at least one scheme, none of them javascript, data, vbscript, file or blob")

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return self._checked().__get_pydantic_core_schema__(source, handler)

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return self._checked().__get_pydantic_json_schema__(schema, handler)

    def _checked(self) -> Checked:
        return Checked(self.clean, {"format": "uri", "minLength": 1, "maxLength": _LONGEST})

    def clean(self, value: str) -> str:
        """The URL to keep.

        Raises:
            PydanticCustomError: type `fastness_url`.
        """
        if len(value) > _LONGEST:
            raise wrong("url", f"A URL has at most {_LONGEST} characters")
        match = _URL.fullmatch(value)
        if match is None or _ENCODED_CONTROL.search(value):
            raise self._refusal()
        scheme, host, port = match["scheme"].lower(), match["host"].lower(), match["port"]
        if scheme not in self.schemes or not one_meaning(host) or (port is not None and int(port) > _PORTS):
            raise self._refusal()
        return f"{scheme}://{host}{'' if port is None else ':' + port}{match['rest']}"

    def _refusal(self) -> PydanticCustomError:
        return wrong(
            "url",
            f"Give a full URL that begins with {' or '.join(scheme + '://' for scheme in self.schemes)},"
            " in ASCII, without user name, spaces or backslashes",
        )


SafeUrl = Annotated[str, Url()]
"""An absolute `https` URL of at most 2,048 characters."""
