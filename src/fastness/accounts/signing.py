"""Signing keys: sealed in the database, read by every worker, made at the first start."""

from __future__ import annotations

import logging
import secrets
from datetime import UTC, datetime

from fastness.accounts.db import Database
from fastness.accounts.models import StoredKey, Work
from fastness.controls.sealing import BrokenSeal, Sealer
from fastness.controls.tokens import SigningKey, TokenKeys
from fastness.core.clock import Clock, wall
from fastness.core.errors import UnsafeConfiguration
from fastness.core.events import Event, EventType, Sink, silent
from fastness.core.keys import KeyRing

PURPOSE = "accounts.signing_keys"
PUBLISHED = 300
"""Seconds for which verifiers and caches may keep the published keys; a new key signs only after that."""

_log = logging.getLogger("fastness.accounts")


class SigningKeys:
    """The key ring of the database. A stolen table signs nothing: keys are sealed under the application's secret."""

    def __init__(
        self, db: Database[Work], ring: KeyRing, *, lasting: bool = True, now: Clock = wall, emit: Sink = silent
    ) -> None:
        """`lasting` is false for a secret made for this process: keys of earlier processes are then no error."""
        self._db, self._lasting, self._now, self._emit = db, lasting, now, emit
        self._sealer = Sealer(ring, PURPOSE)
        self._told: set[str] = set()

    async def load(self) -> TokenKeys:
        """Every key that still verifies, the one that signs last; makes the first key when there is none.

        Raises:
            UnsafeConfiguration: keys are there and none opens with the configured secrets.
            Unavailable: the database does not answer.
        """
        opened = await self._opened()
        if opened is None or not (opened or self._lasting):
            # Workers that start together agree on the name, so only one of their keys is stored.
            day = datetime.fromtimestamp(self._now(), UTC).strftime("%Y-%m-%d")
            await self.add(SigningKey.generate(day if self._lasting else f"{day}-{secrets.token_hex(4)}"))
            opened = await self._opened()
        if not opened:
            raise UnsafeConfiguration(
                "the signing keys in the database do not open",
                where="FASTNESS_SECRET",
                why="They were sealed under another secret, so no token can be signed or verified.",
                fix='Put the former secret in front of the new one, as FASTNESS_SECRET=\'["old", "new"]\'.',
            )
        return TokenKeys(opened)

    async def add(self, key: SigningKey, *, activates_at: float | None = None) -> bool:
        """Store a key, sealed; it signs from `activates_at` on. False when its name is taken."""
        now = self._now()
        sealed = self._sealer.seal(key.export(), bound_to=key.kid.encode())
        async with self._db.write() as work:
            added = await work.keys.add(
                kid=key.kid,
                alg=key.alg,
                sealed=sealed,
                now=now,
                activates_at=now if activates_at is None else activates_at,
            )
        if added:
            self._emit(Event(EventType.KEY_ROTATED, details={"kid": key.kid}))
        return added

    async def _opened(self) -> list[SigningKey] | None:
        """The keys that open; None when there is none at all."""
        async with self._db.read() as work:
            stored = await work.keys.all()
        return [key for row in self._in_order(stored) if (key := self._open(row)) is not None] if stored else None

    def _in_order(self, stored: tuple[StoredKey, ...]) -> list[StoredKey]:
        now = self._now()
        alive = [row for row in stored if row.retires_at is None or row.retires_at > now]
        # A key that is not active yet verifies already, so that no worker meets a token it cannot check.
        return sorted(alive, key=lambda row: (row.activates_at <= now, row.activates_at, row.kid))

    def _open(self, row: StoredKey) -> SigningKey | None:
        try:
            return SigningKey.load(self._sealer.open(row.sealed, bound_to=row.kid.encode()))
        except (BrokenSeal, UnsafeConfiguration):
            if self._lasting and row.kid not in self._told:
                self._told.add(row.kid)
                _log.error("the signing key %s does not open with the configured secrets", row.kid)
                self._emit(Event(EventType.CRYPT_DECRYPT_FAIL, details={"kid": row.kid}))
            return None
