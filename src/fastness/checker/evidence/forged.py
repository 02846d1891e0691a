"""Tokens that a verifier must refuse, made from one that it accepts (RFC 7515, RFC 8725)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_HASHES = {"HS256": hashlib.sha256, "HS384": hashlib.sha384, "HS512": hashlib.sha512}
_HOUR = 3600


@dataclass(frozen=True, slots=True)
class Forgery:
    """A token and what is wrong with it, for "accepts ..."."""

    what: str
    token: str


def forgeries(token: str, keys: Iterable[str] = ()) -> Iterator[Forgery]:
    """Bad twins of a JWT; none for a token that is no JWT in compact form.

    Args:
        keys: what may be the signing key. With it expired and future tokens are made too; a verifier is not blamed for
            accepting the key itself.
    """
    parts = token.split(".")
    header, payload = _decoded(parts[0]), _decoded(parts[1]) if len(parts) > 1 else None
    if len(parts) != 3 or header is None or payload is None:  # noqa: PLR2004 - RFC 7515 section 7.1
        return
    for name in ("none", "None", "nOnE"):
        yield Forgery(f'a token without signature (alg "{name}")', _joined({**header, "alg": name}, payload) + ".")
    yield Forgery("a token whose signature was cut off", f"{parts[0]}.{parts[1]}.")
    changed = {**payload, "checked": True}
    yield Forgery("a token that was changed under its old signature", f"{_joined(header, changed)}.{parts[2]}")
    other = base64.urlsafe_b64encode(b"a key of the checker's own, 32 byt").decode()
    yield Forgery("a token signed with another key", signed({**header, "alg": "HS256"}, payload, other))
    yield Forgery("a token signed with an empty key", signed({**header, "alg": "HS256"}, payload, ""))
    key = key_of(token, keys)
    if key is None:
        return
    now = int(time.time())
    yield Forgery("an expired token", signed(header, {**payload, "exp": now - _HOUR}, key))
    yield Forgery("a token that counts from tomorrow (nbf)", signed(header, {**payload, "nbf": now + 24 * _HOUR}, key))


def key_of(token: str, keys: Iterable[str]) -> str | None:
    """The one of these keys that signed an HMAC token."""
    parts = token.split(".")
    header = _decoded(parts[0])
    if len(parts) != 3 or header is None or header.get("alg") not in _HASHES:  # noqa: PLR2004 - RFC 7515 section 7.1
        return None
    return next((key for key in keys if _mac(f"{parts[0]}.{parts[1]}", key, header["alg"]) == parts[2]), None)


def signed(header: Mapping[str, Any], payload: Mapping[str, Any], key: str) -> str:
    """A token in compact form; HS256 where the header names no HMAC."""
    text = _joined(header, payload)
    return f"{text}.{_mac(text, key, str(header.get('alg')))}"


def _mac(text: str, key: str, algorithm: str) -> str:
    return _base64(hmac.digest(key.encode(), text.encode(), _HASHES.get(algorithm, hashlib.sha256)))


def _joined(header: Mapping[str, Any], payload: Mapping[str, Any]) -> str:
    return ".".join(_base64(json.dumps(each, separators=(",", ":")).encode()) for each in (header, payload))


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _decoded(part: str) -> dict[str, Any] | None:
    try:
        found = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
