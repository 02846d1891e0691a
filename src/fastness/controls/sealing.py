"""Sealing: bytes that only this application reads and nobody changes, bound to the place they belong to.

AES-256-GCM (NIST SP 800-38D) with a 96-bit random nonce and a key for each purpose (HKDF, RFC 5869). Covers ASVS 5.0
11.3.2 and 11.3.3. A key seals at most 2**32 values before its nonces could repeat (SP 800-38D section 8.3).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
from typing import TYPE_CHECKING

from fastness.core.declare import provides
from fastness.core.keys import KeyRing

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_FORMAT = "v1"
_NONCE = 12
_TAG = 16


class BrokenSeal(Exception):
    """A sealed value was changed, belongs elsewhere, or its key is gone. Says which, never the value."""


@provides("sealing")
class Sealer:
    """Seals and opens values of one purpose: `Sealer(ring, "signing keys")`.

    `bound_to` names the place of the value, such as table, column and row id: a value copied to another place does
    not open there. It is not stored and not secret. Safe to share between threads.
    """

    def __init__(self, ring: KeyRing, purpose: str) -> None:
        if not purpose:
            raise ValueError("a sealer needs a purpose: it keeps values of different kinds apart")
        self._purpose = purpose.encode()
        keys = ring.every(f"sealing {purpose}")
        self._keys = {_key_id(key): key for key in reversed(keys)}
        self._current = _key_id(keys[0])
        self._ciphers: dict[str, AESGCM] = {}

    def seal(self, plain: bytes, *, bound_to: bytes = b"") -> str:
        """`plain`, sealed with the current key: `v1.<key id>.<base64url>`. The same input never gives the same text."""
        nonce = os.urandom(_NONCE)
        sealed = self._cipher(self._current).encrypt(nonce, plain, self._context(bound_to))
        return f"{_FORMAT}.{self._current}.{_spell(nonce + sealed)}"

    def open(self, sealed: str, *, bound_to: bytes = b"") -> bytes:
        """What `seal` was given.

        Raises:
            BrokenSeal: when one bit is different, `bound_to` is another, or no secret in the ring has sealed it.
        """
        parts = sealed.split(".")
        raw = _read(parts[2]) if len(parts) == 3 and parts[0] == _FORMAT else None  # noqa: PLR2004 - see seal()
        if raw is None or len(raw) < _NONCE + _TAG:
            raise BrokenSeal("not a sealed value")
        if parts[1] not in self._keys:
            raise BrokenSeal("sealed with a secret that is no longer in the ring")
        from cryptography.exceptions import InvalidTag

        try:
            return self._cipher(parts[1]).decrypt(raw[:_NONCE], raw[_NONCE:], self._context(bound_to))
        except InvalidTag:
            raise BrokenSeal("changed, or moved from where it was sealed") from None

    def outdated(self, sealed: str) -> bool:
        """Whether the value should be sealed again, because the current key did not seal it."""
        return not sealed.startswith(f"{_FORMAT}.{self._current}.")

    def __repr__(self) -> str:
        return f"Sealer({self._purpose.decode()!r}, {len(self._keys)} keys)"

    def _context(self, bound_to: bytes) -> bytes:
        # The length keeps purpose and place apart: no two pairs give the same bytes.
        return b"%s %d %s %s" % (_FORMAT.encode(), len(self._purpose), self._purpose, bound_to)

    def _cipher(self, key_id: str) -> AESGCM:
        cipher = self._ciphers.get(key_id)
        if cipher is None:
            from cryptography.hazmat.primitives.ciphers.aead import AESGCM

            cipher = self._ciphers[key_id] = AESGCM(self._keys[key_id])
        return cipher


def _key_id(key: bytes) -> str:
    # 64 bits of a hash of a derived key: enough to tell keys apart, useless to find one.
    return hashlib.sha256(b"fastness key id" + key).hexdigest()[:16]


def _spell(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def _read(text: str) -> bytes | None:
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        return None
    return raw if _spell(raw) == text else None
