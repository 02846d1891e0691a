"""Forges tokens from the recipes in data/attacks/jwt_attacks.json, dressed so that only the attacked property is wrong."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

from fastness.controls.tokens import SigningKey, TokenKeys, Tokens, TokenSettings

ATTACKS = Path(__file__).parent / "data" / "attacks"
SECRET = b"5Zr0TBkz3YlXc1qYw8mV7uGfJ2nEoHsa"
NOW = 1_800_000_000
SETTINGS = TokenSettings(issuer="https://issuer.example", audience="app")
BARE = {"NaN (bare token)": "NaN", "Infinity (bare token)": "Infinity", "1e999 (bare token)": "1e999"}


def now() -> float:
    return float(NOW)


def tokens(keys: TokenKeys | None = None, settings: TokenSettings = SETTINGS) -> Tokens:
    return Tokens(keys or TokenKeys([SigningKey.shared(SECRET, "k1")]), settings, now=now)


def claims(**changed: Any) -> dict[str, Any]:
    """The claims of a good token, with some changed; None removes a claim."""
    good = {
        "iss": "https://issuer.example", "aud": "app", "sub": "ada", "iat": NOW, "exp": NOW + 600,
        "jti": "j1", "sid": "s1", "scope": "read write", "roles": ["user"], "ver": 3,
    }  # fmt: skip
    return {name: value for name, value in {**good, **changed}.items() if value is not None}


def b64(raw: bytes | str) -> str:
    return (
        base64.urlsafe_b64encode(raw.encode("utf-8", "surrogatepass") if isinstance(raw, str) else raw)
        .decode()
        .rstrip("=")
    )


def hs256(message: str, secret: bytes = SECRET) -> str:
    return b64(hmac.digest(secret, message.encode(), hashlib.sha256))


def text(payload: object) -> str:
    """JSON, with the bare numbers that JSON does not know."""
    written = json.dumps(payload)
    for name, bare in BARE.items():
        written = written.replace(json.dumps(name), bare)
    return written


def forged(
    header: object = None, payload: object = None, *, key: SigningKey | None = None, secret: bytes = SECRET
) -> str:
    """A token signed with `key`, or with HS256 and `secret`; header and payload are JSON text or objects."""
    header = (
        {"alg": key.alg if key else "HS256", "typ": "at+jwt", "kid": key.kid if key else "k1"}
        if header is None
        else header
    )
    payload = claims() if payload is None else payload
    message = ".".join(b64(part if isinstance(part, (str, bytes)) else text(part)) for part in (header, payload))
    return f"{message}.{b64(key.sign(message.encode())) if key else hs256(message, secret)}"


def dressed(header: dict[str, Any]) -> dict[str, Any]:
    """The header of a recipe with the type and key name that a good token has, unless they are the attack."""
    typ = "at+jwt" if header.get("typ", "JWT") == "JWT" else header["typ"]
    return {"kid": "k1", **header, "typ": typ}
