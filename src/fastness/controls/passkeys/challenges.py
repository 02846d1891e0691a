"""Challenges: 256 random bits for one purpose and one holder, good once and for minutes, kept nowhere until they are used.

A challenge carries its end and a MAC over all of it, so that asking for one costs no storage; the first who uses it writes its
digest down (ASVS 5.0 6.7.2; Web Authentication Level 3 section 13.4.3).
"""

from __future__ import annotations

import hashlib
import hmac
import math
import secrets
import struct
from typing import Protocol

from fastness.controls.passkeys.passkey import InvalidPasskey
from fastness.core.clock import Clock, wall
from fastness.core.keys import KeyRing

_NONCE, _END, _MAC = 32, 8, 32


class Once(Protocol):
    """Where used challenges are written down: any `OnceStore`, or a table in the transaction of what is proved."""

    async def put_once(self, key: str, value: str, *, ttl: float) -> bool:
        """Write `key` down for `ttl` seconds; False when it was there already. One of many callers wins."""
        ...


class Challenges:
    """Makes challenges and spends them. Every process with the same secrets knows those of the others."""

    def __init__(self, ring: KeyRing, *, seconds: int, now: Clock = wall) -> None:
        self._keys = ring.every("passkeys.challenge")
        self._seconds, self._now = seconds, now

    def new(self, purpose: str, bound_to: str) -> bytes:
        """A challenge for one purpose, and for one session, account or flow."""
        end = struct.pack(">Q", math.ceil(self._now() + self._seconds))
        nonce = secrets.token_bytes(_NONCE)
        return nonce + end + _mac(self._keys[0], purpose, bound_to, nonce + end)

    def check(self, challenge: bytes, purpose: str, bound_to: str) -> float:
        """How many seconds it is still good for.

        Raises:
            InvalidPasskey: it is not ours, is for something or somebody else, or is over.
        """
        body, mac = challenge[: _NONCE + _END], challenge[_NONCE + _END :]
        if len(challenge) != _NONCE + _END + _MAC or not any(
            hmac.compare_digest(mac, _mac(key, purpose, bound_to, body)) for key in self._keys
        ):
            raise InvalidPasskey(f"no challenge for {purpose} of this holder")
        (end,) = struct.unpack(">Q", body[_NONCE:])
        left = float(end - self._now())
        if left <= 0:
            raise InvalidPasskey("the challenge is over")
        return left

    async def spend(self, challenge: bytes, purpose: str, bound_to: str, once: Once) -> None:
        """Let it be good no more.

        Raises:
            InvalidPasskey: as `check`, or it was used before.
        """
        left = self.check(challenge, purpose, bound_to)
        if not await once.put_once(f"passkeys:{hashlib.sha256(challenge).hexdigest()}", "", ttl=left):
            raise InvalidPasskey("the challenge was used before")


def _mac(key: bytes, purpose: str, bound_to: str, body: bytes) -> bytes:
    # Lengths keep the two apart: no other pair gives the same bytes.
    said = b"".join(
        len(part).to_bytes(4, "big") + part
        for part in (purpose.encode("utf-8", "surrogatepass"), bound_to.encode("utf-8", "surrogatepass"))
    )
    return hmac.digest(key, said + body, hashlib.sha256)
