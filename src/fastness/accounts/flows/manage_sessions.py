"""Manage sessions: people see where they are signed in and on which devices, and end what they do not know."""

from __future__ import annotations

from dataclasses import dataclass

from fastness.accounts.db import Database
from fastness.accounts.flows.endings import Endings, apply
from fastness.accounts.flows.issue import fingerprint
from fastness.accounts.flows.refusals import NoSuchDevice, NoSuchSession
from fastness.accounts.models import KnownDevice, Session, Work
from fastness.core.clock import Clock
from fastness.core.events import Event, EventType, Sink
from fastness.core.principal import Principal


@dataclass(frozen=True, slots=True)
class ManageSessions:
    """Everything is found by the caller's id first: what belongs to somebody else is not there (ASVS 7.5.2)."""

    db: Database[Work]
    endings: Endings
    emit: Sink
    now: Clock

    async def list(self, who: Principal) -> tuple[Session, ...]:
        """The caller's live sessions, last used first."""
        async with self.db.read() as work:
            return await work.sessions.list(who.id, now=self.now())

    async def end(self, who: Principal, session_id: str) -> None:
        """End one session of the caller.

        Raises:
            NoSuchSession: the caller has none with this id.
        """
        async with self.db.write() as work:
            session = await work.sessions.get(session_id, now=self.now())
            if session is None or session.user_id != who.id:
                raise NoSuchSession
            await work.sessions.close(session_id, now=self.now())
            notice = await self.endings.revocation.end_session(work, session_id)
        notice.apply()
        self.emit(Event(EventType.SESSION_LOGOUT, who=who.id, details={"sid_hash": fingerprint(session_id)}))

    async def end_others(self, who: Principal) -> None:
        """End every session of the caller but this one."""
        async with self.db.write() as work:
            notices = await self.endings.others(work, who)
        apply(notices)
        self.emit(Event(EventType.SESSION_LOGOUT, who=who.id, details={"ended": "others"}))

    async def devices(self, who: Principal) -> tuple[KnownDevice, ...]:
        """The devices that the caller signed in from, the newest first."""
        async with self.db.read() as work:
            return await work.devices.list(who.id, now=self.now())

    async def forget_device(self, who: Principal, device_id: str) -> None:
        """Make one device of the caller unknown again.

        Raises:
            NoSuchDevice: the caller has none with this id.
        """
        async with self.db.write() as work:
            if not await work.devices.forget(who.id, device_id):
                raise NoSuchDevice
        self.emit(Event(EventType.USER_UPDATED, who=who.id, details={"fields": ["devices"]}))

    async def forget_devices(self, who: Principal) -> None:
        """Make every device of the caller unknown again."""
        async with self.db.write() as work:
            await work.devices.forget_all(who.id)
        self.emit(Event(EventType.USER_UPDATED, who=who.id, details={"fields": ["devices"]}))
