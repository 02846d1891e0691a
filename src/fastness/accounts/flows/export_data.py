"""Export data: everything that accounts hold about somebody, and nothing that lets anybody in."""

from __future__ import annotations

from dataclasses import dataclass

from fastness.accounts.courier import Courier
from fastness.accounts.db import Database
from fastness.accounts.flows.client import Client
from fastness.accounts.flows.history import EventPage, History
from fastness.accounts.flows.recently import Recently
from fastness.accounts.letters import Letters
from fastness.accounts.models import Account, Factor, KnownDevice, Session, Work
from fastness.core.api_keys import ApiKey
from fastness.core.clock import Clock
from fastness.core.events import Event, EventType, Level, Sink
from fastness.core.principal import Principal

EVENTS = 10_000
"""The newest that are in the file; strangers who fail to sign in make more of them."""


@dataclass(frozen=True, slots=True)
class OwnData:
    """What accounts hold about one person at one moment."""

    at: float
    account: Account
    username: str | None
    sessions: tuple[Session, ...]
    devices: tuple[KnownDevice, ...]
    factors: tuple[Factor, ...]
    recovery_codes: int
    api_keys: tuple[ApiKey, ...]
    events: EventPage


@dataclass(frozen=True, slots=True)
class ExportData:
    """Much about a person in one answer, so it needs a proof of the last minutes and is told by mail (GDPR article 20)."""

    db: Database[Work]
    recently: Recently
    history: History
    mail: Courier
    letters: Letters
    emit: Sink
    now: Clock

    async def __call__(self, who: Principal, client: Client) -> OwnData:
        """The caller's own data.

        Raises:
            StepUpRequired: the last proof is too old, or was without the factor there is.
            InvalidToken: the account changed, or the session ended.
        """
        now = self.now()
        async with self.db.write() as work:
            account = await self.recently(work, who)
            held = (
                await work.usernames.of(who.id),
                await work.sessions.list(who.id, now=now),
                await work.devices.list(who.id, now=now),
                await work.factors.confirmed(who.id),
                await work.recovery_codes.left(who.id),
                await work.api_keys.list(who.id),
            )
            await self.mail.post(work, self.letters.data_exported(account.email, at=now, address=client.address))
        self.mail.wake()
        self.emit(Event(EventType.USER_UPDATED, who=who.id, level=Level.WARN, details={"exported": True}))
        return OwnData(now, account, *held, await self.history.own(who, limit=EVENTS, after=None))
