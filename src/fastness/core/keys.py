"""A ring of secrets, newest last, and one derived key for each purpose."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable


class KeyRing:
    """Secrets for rotation: the last one signs and seals, every one verifies and opens.

    A purpose never sees the secret itself: each gets its own key by HKDF-SHA-256 (RFC 5869), so a token for one
    purpose can never pass for another.
    """

    def __init__(self, secrets: Iterable[bytes | str]) -> None:
        self._secrets = tuple(s.encode() if isinstance(s, str) else bytes(s) for s in secrets)
        if not self._secrets:
            raise ValueError("a key ring needs at least one secret")

    def current(self, purpose: str, length: int = 32) -> bytes:
        """The key to sign or seal with, `length` bytes long."""
        return _hkdf(self._secrets[-1], purpose, length)

    def every(self, purpose: str, length: int = 32) -> tuple[bytes, ...]:
        """Every key to verify or open with, the current one first."""
        return tuple(_hkdf(secret, purpose, length) for secret in reversed(self._secrets))

    def __len__(self) -> int:
        return len(self._secrets)

    def __repr__(self) -> str:
        return f"KeyRing({len(self)} secrets)"


def _hkdf(secret: bytes, purpose: str, length: int) -> bytes:
    # Standard library only in core; RFC 5869 is two HMAC steps. The salt is fixed: the input is already a strong key.
    extracted = hmac.digest(b"fastness.v1", secret, hashlib.sha256)
    info, block, out = purpose.encode(), b"", b""
    for counter in range(1, -(-length // 32) + 1):
        block = hmac.digest(extracted, block + info + bytes([counter]), hashlib.sha256)
        out += block
    return out[:length]
