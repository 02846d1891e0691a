"""base64url and JSON with one reading each, so that no two programs can read one token differently."""

from __future__ import annotations

import base64
import binascii
import json
import math
from types import MappingProxyType
from typing import Any, cast

_LONGEST_NUMBER = 20
"""Digits. Larger than any date or counter, and far below where arithmetic gets slow."""


def base64url(text: bytes) -> bytes | None:
    """The bytes that `text` spells in base64url without padding (RFC 7515 section 2), or None.

    Exactly one text spells given bytes: no padding, white space, foreign letters or loose bits at the end.
    """
    try:
        raw = base64.urlsafe_b64decode(text + b"=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        return None
    return raw if unpadded(raw) == text else None


def unpadded(raw: bytes) -> bytes:
    """`raw` in base64url without padding."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=")


def json_object(raw: bytes) -> dict[str, Any]:
    """The JSON object in `raw`.

    Raises:
        ValueError: for anything but one object in UTF-8 (a byte order mark is not), a repeated name, a number that is
            not finite or longer than 20 digits, or a lone surrogate.
        RecursionError: when it is nested deeper than the interpreter can follow.
    """
    found: object = _DECODER.decode(raw.decode("utf-8"))
    if not isinstance(found, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004 - wrong data, not a wrong call
    frozen(found)
    return cast("dict[str, Any]", found)


def dump(value: Any) -> bytes:
    """`value` as compact JSON.

    Raises:
        ValueError: when it cannot be written as JSON that `json_object` reads again.
    """
    try:
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode("utf-8")
    except (TypeError, RecursionError) as error:
        raise ValueError("not JSON") from error


def frozen(value: Any) -> Any:
    """`value` with lists as tuples and objects read-only, so that one reader cannot change it for the next.

    Raises:
        ValueError: when a text in it holds a lone surrogate.
    """
    if isinstance(value, str):
        if not value.isascii():
            value.encode("utf-8")
        return value
    if isinstance(value, dict):
        items = cast("dict[str, Any]", value).items()
        return MappingProxyType({frozen(name): frozen(item) for name, item in items})
    if isinstance(value, list):
        return tuple(frozen(item) for item in cast("list[object]", value))
    return value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name is repeated")
    return found


def _whole(digits: str) -> int:
    if len(digits) > _LONGEST_NUMBER:
        raise ValueError("a number is too long")
    return int(digits)


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError("a number is not finite")
    return number


def _refuse(_: str) -> Any:
    raise ValueError("a number is not finite")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_once, parse_int=_whole, parse_float=_finite, parse_constant=_refuse, strict=True
)
