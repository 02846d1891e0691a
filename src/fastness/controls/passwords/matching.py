"""Hash a new password, and check a given one against what is stored."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from dataclasses import dataclass, field

from pydantic import SecretStr

from fastness.controls.passwords import foreign
from fastness.controls.passwords.argon import Argon2id
from fastness.controls.passwords.errors import OutOfMemory, Unreadable, WeakPassword
from fastness.controls.passwords.pool import HashPool
from fastness.controls.passwords.settings import PasswordSettings
from fastness.controls.passwords.text import PasswordBytes, prepare
from fastness.core.clock import Clock, steady
from fastness.core.declare import provides
from fastness.core.errors import Unavailable
from fastness.core.events import Event, EventType, Level, Sink, silent

_log = logging.getLogger("fastness")


@dataclass(frozen=True, slots=True)
class Match:
    """What a check said. True in a condition when the password is right."""

    ok: bool
    new_hash: str | None = field(default=None, repr=False)
    """Store this instead of the old hash: the password is right and the hash is of another kind or cost."""

    def __bool__(self) -> bool:
        return self.ok


@dataclass(frozen=True, slots=True)
class _Outcome:
    match: Match
    trouble: str = ""


_NO = _Outcome(Match(ok=False))


@provides("passwords")
class Passwords:
    """Argon2id in a bounded pool. A check costs one verify, whoever asks: known, unknown, too long, malformed.

    Make one for the process; nothing is hashed or started until the first call. `close()` it at the end.
    """

    def __init__(self, settings: PasswordSettings | None = None, *, emit: Sink = silent, now: Clock = steady) -> None:
        self.settings = settings or PasswordSettings()
        self._argon2id = Argon2id(self.settings)
        # Stands for a password that cannot be hashed: 256 random bits do the same work, and match nothing.
        self._nobody = PasswordBytes(*[os.urandom(32).hex().encode()] * 2)
        self._pool = HashPool(
            threads=self.settings.threads,
            waiting=self.settings.threads * self.settings.waiting_per_thread,
            niceness=self.settings.niceness,
        )
        self._emit, self._now = emit, now
        # CPU time does not grow when the machine is busy, but sees one lane only.
        self._timer = time.thread_time if self.settings.parallelism == 1 else time.perf_counter
        self._verify_seconds: float | None = None

    async def hash(self, password: str | SecretStr) -> str:
        """The Argon2id hash to store, in PHC form.

        Raises:
            WeakPassword: longer than the caps, or not text. Whether it is a good one, `PasswordPolicy` decides.
            Unavailable: the queue is full, or memory is.
        """
        prepared = prepare(password, self.settings)
        try:
            return await self._pool.run(lambda: self._argon2id.hash(prepared.normal))
        except OutOfMemory:
            raise Unavailable("no memory for a password hash") from None

    async def check(self, given: str | SecretStr, stored: str | None) -> Match:
        """Whether `given` made `stored`; None stands for no such account and is never a match.

        A stored hash that cannot be read is no match, one event and one line in the log, at the same cost.

        Raises:
            Unavailable: the queue is full, or memory is.
        """
        began = self._now()
        try:
            outcome = await self._pool.run(lambda: self._check(given, stored))
        except OutOfMemory:
            raise Unavailable("no memory for a password hash") from None
        if outcome.trouble:
            _log.warning("password check: %s", outcome.trouble)
            self._emit(Event(EventType.CRYPT_DECRYPT_FAIL, level=Level.WARN, reason=outcome.trouble))
        if not outcome.match.ok and self.settings.floor_seconds:
            await asyncio.sleep(self.settings.floor_seconds - (self._now() - began))
        return outcome.match

    def open(self) -> None:
        """Hash again after `close()`: an application may live more than once in a process."""
        self._pool.open()

    def close(self) -> None:
        """End the threads. A running hash is finished first; waiting calls and later ones raise `Unavailable`."""
        self._pool.close()

    def _check(self, given: str | SecretStr, stored: str | None) -> _Outcome:
        try:
            password = prepare(given, self.settings)
        except WeakPassword:
            password = self._nobody
        # "!" starts an unusable password in Django and in /etc/shadow.
        if not stored or stored.startswith("!"):
            return self._decoy(password.normal)
        # Django writes its own word before the PHC string.
        phc = stored.removeprefix("argon2") if stored.startswith("argon2$") else stored
        try:
            if phc.startswith("$argon2"):
                return self._check_argon2(password, phc)
            return self._check_foreign(password, stored)
        except Unreadable as error:
            return _Outcome(self._decoy(password.normal).match, str(error))

    def _decoy(self, password: bytes) -> _Outcome:
        self._verify_current(password, self._argon2id.decoy)
        return _NO

    def _check_argon2(self, password: PasswordBytes, stored: str) -> _Outcome:
        if not self._argon2id.outdated(stored):
            return _Outcome(Match(self._verify_current(password.normal, stored)))
        began = self._timer()
        ok = self._argon2id.verify(password.normal, stored)
        return self._upgraded(password) if ok else self._topped_up(began)

    def _check_foreign(self, password: PasswordBytes, stored: str) -> _Outcome:
        verify = foreign.verifier(stored)
        began = self._timer()
        return self._upgraded(password) if verify(password.typed) else self._topped_up(began)

    def _upgraded(self, password: PasswordBytes) -> _Outcome:
        try:
            return _Outcome(Match(ok=True, new_hash=self._argon2id.hash(password.normal)))
        except OutOfMemory:
            _log.warning("password check: no memory to upgrade an old hash; it stays as it is")
            return _Outcome(Match(ok=True))

    def _topped_up(self, began: float) -> _Outcome:
        # An old hash is often cheaper than a current one; its quick "no" would tell that the account exists
        # (CVE-2024-39329 was of this kind).
        share = 1.0 - (self._timer() - began) / self._verify_seconds if self._verify_seconds else 1.0
        if share > 0.0:
            self._argon2id.work(share)
        return _NO

    def _verify_current(self, password: bytes, stored: str) -> bool:
        began = self._timer()
        ok = self._argon2id.verify(password, stored)
        took = self._timer() - began
        self._verify_seconds = min(took, self._verify_seconds or took)
        return ok
