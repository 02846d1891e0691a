"""What a browser answers, `PublicKeyCredential.toJSON()`, made small and checked before a library reads it."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from fastness.controls.passkeys.passkey import InvalidPasskey

_LONGEST_ID = 1023
"""Bytes (Web Authentication Level 3 section 7.1)."""
_LONGEST = {"clientDataJSON": 8_192, "attestationObject": 16_384, "authenticatorData": 4_096, "signature": 2_048}
_BASE64URL = re.compile(r"[A-Za-z0-9_-]*", re.ASCII)
_LONGEST_HANDLE = 64
_TRANSPORTS = frozenset({"ble", "cable", "hybrid", "internal", "nfc", "smart-card", "usb"})


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer, its parts as text in base64url and the challenge that it says it is for."""

    id: bytes
    challenge: bytes
    cross_origin: bool
    parts: Mapping[str, str]
    user_handle: bytes | None
    transports: tuple[str, ...]

    def for_library(self) -> dict[str, Any]:
        """The answer with nothing in it that was not looked at."""
        spelled = base64.urlsafe_b64encode(self.id).rstrip(b"=").decode()
        return {"id": spelled, "rawId": spelled, "type": "public-key", "response": dict(self.parts)}


def read(given: Mapping[str, Any], *needed: str) -> Answer:
    """The answer in `given`, whose response has the parts `needed`.

    Raises:
        InvalidPasskey: something is missing, too long or of another kind.
    """
    if given.get("type") != "public-key":
        raise InvalidPasskey("no public-key credential")
    response = _object(given.get("response"), "response")
    credential = _bytes(given.get("rawId"), _LONGEST_ID, "rawId")
    if not credential or _bytes(given.get("id"), _LONGEST_ID, "id") != credential:
        raise InvalidPasskey("id and rawId are not the same")
    parts = {name: _text(response.get(name), name) for name in ("clientDataJSON", *needed)}
    said = _client_data(_bytes(parts["clientDataJSON"], _LONGEST["clientDataJSON"], "clientDataJSON"))
    handle = response.get("userHandle")
    transports = response.get("transports")
    return Answer(
        id=credential,
        challenge=_bytes(said.get("challenge"), 1024, "challenge"),
        cross_origin=said.get("crossOrigin", False) is not False or "topOrigin" in said,
        parts=parts,
        user_handle=None if handle is None else _bytes(handle, _LONGEST_HANDLE, "userHandle"),
        transports=tuple(one for one in sorted(_TRANSPORTS) if isinstance(transports, list) and one in transports),
    )


def _client_data(raw: bytes) -> Mapping[str, Any]:
    try:
        said = json.loads(raw.decode("utf-8"))
    except (ValueError, RecursionError):
        raise InvalidPasskey("clientDataJSON is no JSON") from None
    return _object(said, "clientDataJSON")


def _object(value: object, name: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise InvalidPasskey(f"{name} is no object")
    return cast("Mapping[str, Any]", value)


def _text(value: object, name: str) -> str:
    _bytes(value, _LONGEST[name], name)
    return str(value)


def _bytes(value: object, longest: int, name: str) -> bytes:
    if not isinstance(value, str) or len(value) > longest * 4 // 3 + 4:
        raise InvalidPasskey(f"{name} is missing, or too long")
    if not _BASE64URL.fullmatch(value):
        raise InvalidPasskey(f"{name} is no base64url")
    try:
        raw = base64.urlsafe_b64decode(value + "=" * (-len(value) % 4))
    except binascii.Error:
        raise InvalidPasskey(f"{name} is no base64url") from None
    if len(raw) > longest:
        raise InvalidPasskey(f"{name} is too long")
    return raw
