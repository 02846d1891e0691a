"""The outer form of a token: three parts, one key, one signature (JWS compact serialization, RFC 7515 section 7.1)."""

from __future__ import annotations

from typing import Any, Protocol

from fastness.controls.tokens import strict
from fastness.controls.tokens.signing_key import SigningKey

LONGEST = 8192
"""Bytes of a whole token. Longer ones are refused before anything is decoded (CVE-2025-61920)."""

_PARAMETERS = frozenset({"alg", "kid", "typ"})


class Keys(Protocol):
    """Where the verifier looks a key up."""

    def get(self, kid: str) -> SigningKey | None:
        """The key with exactly this name, or None."""
        ...


class Broken(ValueError):
    """The token is not a well-formed token signed by one of the keys."""


def sign(header: dict[str, Any], payload: bytes, key: SigningKey) -> bytes:
    """A compact JWS. `alg` and `kid` come from the key."""
    protected = strict.dump({"alg": key.alg, "kid": key.kid, **header})
    message = strict.unpadded(protected) + b"." + strict.unpadded(payload)
    return message + b"." + strict.unpadded(key.sign(message))


def verify(raw: bytes, keys: Keys) -> tuple[dict[str, Any], bytes]:
    """The header and the payload of a token that one of `keys` signed.

    The header may hold `alg`, `kid` and `typ` only. That leaves no way in for `crit`, `b64` and `zip`, and no key of
    the sender's choice through `jwk`, `jku`, `x5u` or `x5c` (RFC 8725 sections 3.1, 3.10).

    Raises:
        Broken: when anything is not as it must be.
    """
    if len(raw) > LONGEST:
        raise Broken("longer than any token of ours")
    parts = raw.split(b".", 3)
    if len(parts) != 3:  # noqa: PLR2004 - RFC 7515 section 7.1
        raise Broken("not three parts")
    decoded = [strict.base64url(part) for part in parts]
    protected, payload, signature = decoded
    if protected is None or payload is None or signature is None:
        raise Broken("not exact base64url")
    header = _header(protected)
    key = keys.get(header["kid"])
    if key is None:
        raise Broken("signed by a key that is not in the ring")
    if key.alg != header["alg"]:
        raise Broken("another algorithm than the key's")
    if not key.verify(raw[: raw.rindex(b".")], signature):
        raise Broken("the signature is not right")
    return header, payload


def _header(protected: bytes) -> dict[str, Any]:
    try:
        header = strict.json_object(protected)
    except (ValueError, RecursionError):
        raise Broken("the header is not one plain JSON object") from None
    if not header.keys() <= _PARAMETERS:
        raise Broken("the header holds parameters that tokens of ours never have")
    if not isinstance(header.get("alg"), str) or not isinstance(header.get("kid"), str):
        raise Broken("the header names no algorithm or no key")
    return header
