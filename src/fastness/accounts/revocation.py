"""Revocation: what ended stops counting at once in this worker, and within a second in every other one.

A flow writes the ending to the log in its own transaction and applies the `Notice` after the commit. Other workers
read the log by its sequence, once per second. When the last good read is too old, a request reads for itself, and is
refused with 503 when it cannot: an ended session never passes because the database is away (ASVS 7.4.1).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable
from dataclasses import dataclass

from fastness.accounts.db import Database
from fastness.accounts.models import Account, Work
from fastness.accounts.models.revocations import Kind
from fastness.controls.tokens import Revocations
from fastness.core.clock import Clock, steady, wall
from fastness.core.errors import InvalidToken, Unavailable
from fastness.core.principal import Principal

_log = logging.getLogger("fastness.accounts")


@dataclass(frozen=True, slots=True)
class Notice:
    """An ending that the log already holds; `apply` it once the transaction is committed."""

    revocations: Revocations
    kind: Kind
    subject: str
    until: float
    version: int | None = None

    def apply(self) -> None:
        """Make it count in this worker."""
        match self.kind:
            case "session":
                self.revocations.revoke_session(self.subject, until=self.until)
            case "token":
                self.revocations.revoke_token(self.subject, until=self.until)
            case "user":
                self.revocations.require_version(self.subject, self.version or 0, until=self.until)


class RevocationFeed:
    """Keeps one worker's `Revocations` fresh.

    Args:
        horizon: seconds after which no token of today can be alive; endings are remembered that long.
        stale: seconds after which the last good read is no longer trusted.
        every_request: ask the session's row each time instead (`session_check`).
    """

    def __init__(
        self,
        db: Database[Work],
        revocations: Revocations,
        *,
        horizon: float,
        stale: float = 3.0,
        every_request: bool = False,
        now: Clock = wall,
        ticks: Clock = steady,
    ) -> None:
        self._db, self._revocations = db, revocations
        self._horizon, self._stale, self._every_request = horizon, stale, every_request
        self._now, self._ticks = now, ticks
        self._seq = 0
        self._fresh_at = float("-inf")
        self._reading: asyncio.Task[None] | None = None

    async def end_session(self, work: Work, session_id: str) -> Notice:
        """Log that a session ended."""
        return await self._log(work, "session", session_id)

    async def end_token(self, work: Work, token_id: str) -> Notice:
        """Log that one token ended, or one id of a browser session."""
        return await self._log(work, "token", token_id)

    async def require_version(self, work: Work, user_id: str, version: int) -> Notice:
        """Log that tokens of this user below `version` ended."""
        return await self._log(work, "user", user_id, version)

    async def gone(self, work: Work, account: Account) -> Notice:
        """Log that every token of this account ended."""
        return await self._log(work, "user", account.id, account.version + 1)

    async def _log(self, work: Work, kind: Kind, subject: str, version: int | None = None) -> Notice:
        until = self._now() + self._horizon
        await work.revocations.add(kind, subject, until, version)
        return Notice(self._revocations, kind, subject, until, version)

    async def poll(self) -> None:
        """Read what was logged since the last read.

        Raises:
            Unavailable: the database does not answer.
        """
        started = self._ticks()
        async with self._db.read() as work:
            entries = await work.revocations.since(self._seq, now=self._now())
        for entry in entries:
            Notice(self._revocations, entry.kind, entry.subject, entry.until, entry.version).apply()
            self._seq = max(self._seq, entry.seq)
        self._fresh_at = max(self._fresh_at, started)

    def fresh(self) -> bool:
        """Whether the last good read is recent enough to be trusted."""
        return self._ticks() - self._fresh_at <= self._stale

    def trusted(self, who: Principal) -> bool:
        """Whether what memory knows of this principal may be believed: it is fresh, and nothing ended it."""
        return not self._every_request and self.fresh() and not self._revocations.revoked(who)

    def check(self, who: Principal) -> Awaitable[None] | None:
        """The last question about a verified token. In the steady state it costs one comparison.

        Raises:
            InvalidToken: it ended meanwhile.
            Unavailable: nobody can tell.
        """
        if self._every_request:
            return self._ask(who)
        return None if self.fresh() else self._catch_up(who)

    async def _catch_up(self, who: Principal) -> None:
        # One read for all who wait: when the database hangs, its time-out is waited for once and not once for each.
        if self._reading is None:
            self._reading = asyncio.create_task(self.poll(), name="fastness revocations")
            self._reading.add_done_callback(self._read)
        await asyncio.shield(self._reading)
        if not self.fresh():
            raise Unavailable("the read of revocations took too long")
        if self._revocations.revoked(who):
            raise InvalidToken("revoked")

    def _read(self, reading: asyncio.Task[None]) -> None:
        self._reading = None
        if not reading.cancelled():
            reading.exception()  # looked at here too, because whoever asked may have gone away

    async def _ask(self, who: Principal) -> None:
        async with self._db.read() as work:
            session = await work.sessions.get(who.session or "", now=self._now())
            account = await work.users.by_id(who.id) if session is not None and session.user_id == who.id else None
        if account is None or account.suspended or account.version != who.version:
            raise InvalidToken("the session ended")
