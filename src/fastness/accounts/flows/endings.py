"""Endings: sessions of an account end inside the transaction of what changed, and every worker hears of it."""

from __future__ import annotations

from dataclasses import dataclass

from fastness.accounts.models import Work
from fastness.accounts.revocation import Notice, RevocationFeed
from fastness.core.clock import Clock
from fastness.core.principal import Principal


@dataclass(frozen=True, slots=True)
class Endings:
    """Apply the notices after the commit."""

    revocation: RevocationFeed
    now: Clock

    async def all(self, work: Work, user_id: str) -> list[Notice]:
        """End every session of the account, and every token issued so far."""
        version = await work.users.bump_version(user_id)
        await work.sessions.close_all(user_id, now=self.now())
        return [] if version is None else [await self.revocation.require_version(work, user_id, version)]

    async def others(self, work: Work, who: Principal) -> list[Notice]:
        """End every session of the caller but this one."""
        ended = await work.sessions.close_all(who.id, now=self.now(), except_=who.session)
        return [await self.revocation.end_session(work, session) for session in ended]


def apply(notices: list[Notice]) -> None:
    """Make endings count in this worker."""
    for notice in notices:
        notice.apply()
