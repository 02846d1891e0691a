"""Where to go next on this site: a path, and nothing that a browser or proxy could read as another host.

Sources: WHATWG URL section 4.4 (browsers drop tabs, read a backslash as a slash), CWE-601, ASVS 3.7.2.
"""

from __future__ import annotations

import re
from typing import Annotated
from urllib.parse import unquote_to_bytes

from pydantic_core import PydanticCustomError

from fastness.controls.fields.text import Checked, wrong

_LONGEST = 2048
_ROUNDS = 3
_CONTROL = re.compile(rb"[\x00-\x1f\x7f]")
_VISIBLE = re.compile(r"/(?:[!#$&-;=?-\[\]_a-z~]|%[0-9A-Fa-f]{2})*")
"""RFC 3986 characters. Not among them: white space, controls, backslash, quotes, `<`, `>`, `^`, `{`, all beyond ASCII."""


def check_redirect(value: str) -> str:
    """The target, unchanged.

    The path is also looked at as a careless proxy would: percent-decoded, again and again. The query may carry
    anything, URLs too: it never decides the host.

    Raises:
        PydanticCustomError: type `fastness_redirect`.
    """
    if len(value) > _LONGEST or _VISIBLE.fullmatch(value) is None:
        raise _refusal()
    path = re.split("[?#]", value, maxsplit=1)[0].encode()
    for _ in range(_ROUNDS):
        if not _stays(path):
            raise _refusal()
        decoded = unquote_to_bytes(path)
        if decoded == path:
            return value
        path = decoded
    raise _refusal()


def _stays(path: bytes) -> bool:
    first, *others = path.removeprefix(b"/").split(b"/")
    return (
        path.startswith(b"/")
        and b"//" not in path
        and b"\\" not in path
        and b":" not in first
        and _CONTROL.search(path) is None
        and not {b".", b".."} & {first, *others}
    )


def _refusal() -> PydanticCustomError:
    return wrong("redirect", "Give a path on this site that begins with one slash, such as /account")


SafeRedirect = Annotated[
    str, Checked(check_redirect, {"format": "uri-reference", "pattern": "^/", "minLength": 1, "maxLength": _LONGEST})
]
"""A path on this site with optional query and fragment. Answer a POST with 303."""
