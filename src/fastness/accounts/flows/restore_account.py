"""Restore account: the mailbox takes a deletion back, as long as the days of grace last."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

from fastness.accounts.courier import Courier
from fastness.accounts.db import Database
from fastness.accounts.flows.client import Client
from fastness.accounts.flows.known_device import own_device
from fastness.accounts.flows.magic import Mailed
from fastness.accounts.flows.refusals import InvalidCode
from fastness.accounts.flows.verify_email import DAY
from fastness.accounts.letters import Letters
from fastness.accounts.mail import Mail
from fastness.accounts.models import Redeemed, Work
from fastness.accounts.settings import AccountSettings
from fastness.accounts.throttle import Throttle
from fastness.controls.fields import canonical_email
from fastness.core.clock import Clock
from fastness.core.events import Event, EventType, Level, Sink

PURPOSE = "restore_account"


@dataclass(frozen=True, slots=True)
class Restored:
    """The account is as it was before. The device that took it back is known from now on."""

    user_id: str
    device_token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class RestoreAccount:
    """It signs nobody in: password and second factor are asked for as ever.

    What an administrator suspended, before or since, the mailbox does not open.
    """

    db: Database[Work]
    throttle: Throttle
    mail: Courier
    letters: Letters
    settings: AccountSettings
    emit: Sink
    now: Clock

    async def ask(self, email: str, client: Client, *, device_token: str | None = None) -> str:
        """A flow id, at once; whether a mail follows is decided after the answer.

        Raises:
            TooManyRequests: too many mails asked for from this address.
            Unavailable: the database does not answer.
        """
        await self.throttle.by_address("resend_address", client.key)
        flow, life = secrets.token_urlsafe(32), self.settings.code_seconds
        await self.mail.ask(PURPOSE, ttl=life, canonical=canonical_email(email), flow=flow, device=device_token)
        return flow

    async def code_for(self, *, canonical: str, flow: str, device: str | None = None) -> Mail | None:
        """The mail with a code, or None when there is nothing to take back, or one mail too many."""
        async with self.db.read() as work:
            known = await own_device(work, await work.users.by_email(canonical), device, now=self.now())
        if not await self.throttle.may_mail(canonical, device=known):
            return None
        async with self.db.write() as work:
            account = await work.users.by_email(canonical)
            if account is None or await work.deletions.waits(account.id, now=self.now()) is None:
                return None
            code = await work.codes.put(
                purpose=PURPOSE,
                user_id=account.id,
                canonical=canonical,
                flow=flow,
                now=self.now(),
                ttl=self.settings.code_seconds,
                tries=self.settings.code_tries,
            )
        return None if code is None else self.letters.restore_account(account.email, code)

    async def redeem(self, given: Mailed, client: Client) -> Restored:
        """Take the deletion back.

        Raises:
            InvalidCode: wrong, used, expired, out of tries, another browser's, or there is nothing to take back any more.
            TooManyRequests: too many tries from this address.
            Unavailable: the database does not answer.
        """
        await self.throttle.by_address("code_address", client.key)
        now = self.now()
        async with self.db.write() as work:
            if given.token is not None:
                redeemed = await work.codes.redeem_token(PURPOSE, given.token, now=now, flow=given.flow)
            else:
                redeemed = await work.codes.redeem_digits(PURPOSE, given.flow, given.digits or "", now=now)
            done = await self._restore(work, redeemed, client)
        # Only now: the try is counted in that transaction, and a refusal would roll it back.
        if done is None:
            self.emit(Event(EventType.AUTHN_CODE_FAIL, level=Level.WARN, details={"purpose": PURPOSE}))
            raise InvalidCode
        self.mail.wake()
        self.emit(Event(EventType.USER_UPDATED, who=done.user_id, level=Level.WARN, details={"deletion": "taken back"}))
        return done

    async def _restore(self, work: Work, redeemed: Redeemed | None, client: Client) -> Restored | None:
        account = await work.users.hold(redeemed.user_id) if redeemed is not None else None
        if redeemed is None or account is None or account.canonical != redeemed.canonical:
            return None
        now = self.now()
        if not await work.deletions.cancel(account.id, now=now):
            return None
        opened = await work.users.unsuspend(account.id, now=now)
        life = self.settings.device_days * DAY
        device = await work.devices.remember(
            account.id, now=now, ttl=life, held=opened, address=client.address, agent=client.agent
        )
        await self.mail.post(work, self.letters.deletion_cancelled(account.email, at=now, address=client.address))
        return None if device is None else Restored(account.id, device)
