"""One signing key: a name, an algorithm, and nothing that prints."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any

from fastness.controls.tokens import jose, strict
from fastness.core.errors import UnsafeConfiguration
from fastness.core.key_text import reads_as_key

_SHORTEST_SECRET = 32
"""Bytes: an HMAC key is at least as long as the hash (RFC 7518 section 3.2)."""
_LONGEST_KID = 100
_MADE_WITH = 'make one with "fastness secret", or use an ES256 key: TokenKeys.generate()'


class SigningKey:
    """One key with one name (`kid`) and one algorithm. It may be able to verify only."""

    __slots__ = ("_key", "alg", "can_sign", "kid")

    def __init__(self, kid: str, key: jose.Key) -> None:
        if not 1 <= len(kid) <= _LONGEST_KID or not all("!" <= letter <= "~" for letter in kid):
            raise unsafe("the name of a key (kid) is not plain text", why="it goes into every token header")
        self.kid, self._key = kid, key
        self.alg, self.can_sign = key.algorithm, key.can_sign

    @classmethod
    def generate(cls, kid: str | None = None) -> SigningKey:
        """A new ES256 key; its name is the RFC 7638 thumbprint unless given."""
        key = jose.generate()
        return cls(key.thumbprint() if kid is None else kid, key)

    @classmethod
    def shared(cls, secret: bytes | str, kid: str | None = None) -> SigningKey:
        """An HS256 key from a secret that signer and verifier share, for when there is nothing else.

        Raises:
            UnsafeConfiguration: when the secret is shorter than 32 bytes or is the text of an asymmetric key.
        """
        raw = secret.encode() if isinstance(secret, str) else bytes(secret)
        if len(raw) < _SHORTEST_SECRET:
            raise unsafe(
                f"the token secret has {len(raw)} bytes, {_SHORTEST_SECRET} are needed",
                why="short HMAC keys are found by trying (RFC 7518 section 3.2)",
            )
        if reads_as_key(raw):
            raise unsafe(
                "the token secret is the text of an asymmetric key or certificate",
                why="everybody who has the public key could sign tokens (CVE-2022-29217)",
            )
        name = hmac.digest(raw, b"fastness kid", hashlib.sha256)[:8].hex() if kid is None else kid
        return cls(name, jose.shared(raw))

    @classmethod
    def from_pem(cls, pem: bytes | str, kid: str | None = None) -> SigningKey:
        """An ES256 key from PEM (PKCS #8, SEC 1, or SubjectPublicKeyInfo for verifying only).

        Raises:
            UnsafeConfiguration: when it is not a P-256 key.
        """
        try:
            key = jose.from_pem(pem.encode() if isinstance(pem, str) else pem)
        except ValueError:
            raise _not_p256() from None
        return cls(key.thumbprint() if kid is None else kid, key)

    @classmethod
    def from_jwk(cls, jwk: Mapping[str, Any]) -> SigningKey:
        """An ES256 or HS256 key from a JWK (RFC 7517). `alg`, `use` and `key_ops` are obeyed; `kid` is required.

        Raises:
            UnsafeConfiguration: when the key is for something else, inconsistent or weak.
        """
        kid, alg, use, operations = jwk.get("kid"), jwk.get("alg"), jwk.get("use", "sig"), jwk.get("key_ops")
        if not isinstance(kid, str):
            raise unsafe("a key has no name (kid)", why="a token says by that name which key signed it")
        if use != "sig" or (operations is not None and "verify" not in operations and "sign" not in operations):
            raise unsafe("a key is meant for something else than signing", why="use and key_ops are promises")
        if jwk.get("kty") == "oct" and alg == "HS256":
            secret = jwk.get("k")
            if not isinstance(secret, str) or (raw := strict.base64url(secret.encode("utf-8", "replace"))) is None:
                raise unsafe("a shared key is not base64url", why="two readers could see two keys")
            return cls.shared(raw, kid)
        if alg not in {None, "ES256"}:
            raise unsafe("a key is made for another algorithm", why="one key has one algorithm (RFC 8725 section 3.1)")
        try:
            return cls(kid, jose.from_members(jwk))
        except ValueError:
            raise _not_p256() from None

    @classmethod
    def load(cls, exported: bytes) -> SigningKey:
        """The key that `export` wrote.

        Raises:
            UnsafeConfiguration: when it is anything else.
        """
        try:
            jwk = strict.json_object(exported)
        except (ValueError, RecursionError):
            raise unsafe("a stored signing key cannot be read", why="no token can be signed with it") from None
        return cls.from_jwk(jwk)

    def export(self) -> bytes:
        """The private key as a JWK. Seal it before it is stored.

        Raises:
            ValueError: when this key is shared or can verify only.
        """
        if self.alg != "ES256" or not self.can_sign:
            raise ValueError("only a private ES256 key can be exported")
        jwk = {**self._key.members(private=True), "kid": self.kid, "alg": self.alg, "use": "sig"}
        return json.dumps(jwk, separators=(",", ":")).encode()

    def public_jwk(self) -> dict[str, str] | None:
        """What the world may know of this key; None for a shared one."""
        if self.alg != "ES256":
            return None
        return {**self._key.members(private=False), "kid": self.kid, "alg": self.alg, "use": "sig"}

    def sign(self, message: bytes) -> bytes:
        """A bare signature.

        Raises:
            ValueError: when this key can verify only.
        """
        if not self.can_sign:
            raise ValueError(f"the key {self.kid} can verify, not sign")
        return self._key.sign(message)

    def verify(self, message: bytes, signature: bytes) -> bool:
        """Whether `signature` is this key's signature of `message`."""
        return self._key.verify(message, signature)

    def __repr__(self) -> str:
        return f"SigningKey(kid={self.kid!r}, alg={self.alg!r})"

    def __reduce__(self) -> str:
        raise TypeError("a signing key is not pickled; export() and seal it")


def unsafe(what: str, *, why: str) -> UnsafeConfiguration:
    """The refusal of a key, without the key."""
    return UnsafeConfiguration(what, where="token keys", why=why, fix=_MADE_WITH)


def _not_p256() -> UnsafeConfiguration:
    return unsafe("a token key is not a P-256 key", why="ES256 is defined for that curve only (RFC 7518 section 3.4)")
