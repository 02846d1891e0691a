"""The successor of a refresh token, readable only with the token it replaces."""

from __future__ import annotations

import hashlib
import hmac

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

# Every presented token has one successor for ever, so its key seals once and a fixed nonce never repeats under it.
_NONCE = bytes(12)


def seal_successor(successor: str, presented: str) -> bytes:
    """Seal `successor` under a key from the token it replaces (AES-256-GCM)."""
    return AESGCM(_key(presented)).encrypt(_NONCE, successor.encode(), None)


def open_successor(sealed: bytes, presented: str) -> str | None:
    """The successor, or None when another token was replaced."""
    try:
        return AESGCM(_key(presented)).decrypt(_NONCE, sealed, None).decode()
    except InvalidTag:
        return None


def _key(presented: str) -> bytes:
    # A PRF of 400 random bits; not the digest by which the token is found, which stands in the same row.
    return hmac.digest(presented.encode(), b"fastness refresh successor v1", hashlib.sha256)
