"""Logout: this session, or every session of the account, ends now."""

from __future__ import annotations

from dataclasses import dataclass

from fastness.accounts.db import Database
from fastness.accounts.flows.issue import fingerprint
from fastness.accounts.models import Work
from fastness.accounts.revocation import RevocationFeed
from fastness.core.clock import Clock
from fastness.core.events import Event, EventType, Sink
from fastness.core.principal import Principal


@dataclass(frozen=True, slots=True)
class Logout:
    """Ends refresh and access tokens together: at once here, within a second in other workers (ASVS 7.4.1)."""

    db: Database[Work]
    revocation: RevocationFeed
    emit: Sink
    now: Clock

    async def one(self, who: Principal) -> None:
        """End the session that the caller's token belongs to."""
        if who.session is None:
            return
        async with self.db.write() as work:
            await work.sessions.close(who.session, now=self.now())
            notice = await self.revocation.end_session(work, who.session)
        notice.apply()
        self.emit(Event(EventType.SESSION_LOGOUT, who=who.id, details={"sid_hash": fingerprint(who.session)}))

    async def everywhere(self, who: Principal) -> None:
        """End every session of the caller, this one too."""
        async with self.db.write() as work:
            version = await work.users.bump_version(who.id)
            await work.sessions.close_all(who.id, now=self.now())
            notice = None if version is None else await self.revocation.require_version(work, who.id, version)
        if notice is not None:
            notice.apply()
        self.emit(Event(EventType.SESSION_LOGOUT, who=who.id, details={"ended": "all"}))
