"""Verify e-mail: a mailed link, or a typed code with its flow, proves the address."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

from fastness.accounts.courier import Courier
from fastness.accounts.db import Database
from fastness.accounts.flows.client import Client
from fastness.accounts.flows.known_device import own_device
from fastness.accounts.flows.refusals import InvalidCode
from fastness.accounts.letters import Letters
from fastness.accounts.mail import Mail
from fastness.accounts.models import Account, Chosen, Redeemed, Work
from fastness.accounts.settings import AccountSettings
from fastness.accounts.throttle import Throttle
from fastness.controls.fields import canonical_email, canonical_username
from fastness.core.clock import Clock
from fastness.core.events import Event, EventType, Sink

PURPOSE = "verify_email"
DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class Verified:
    """The address is proved. The device that proved it is known from now on."""

    user_id: str
    device_token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class VerifyEmail:
    """A code, mailed to the address, comes back: once, within minutes, at most five typed tries (ASVS 6.5.4, 6.5.5).

    The link token has 256 bits and works in any browser, because people read mail on another device; the short typed
    code works only with the flow id that the asking browser holds.
    """

    db: Database[Work]
    throttle: Throttle
    mail: Courier
    letters: Letters
    settings: AccountSettings
    emit: Sink
    now: Clock

    async def by_link(self, token: str, client: Client) -> Verified:
        """Redeem the link's token.

        Raises:
            InvalidCode: unknown, used or expired.
            TooManyRequests: too many tries from this address.
        """
        await self.throttle.by_address("code_address", client.key)
        async with self.db.write() as work:
            done = await self._prove(work, await work.codes.redeem_token(PURPOSE, token, now=self.now()), client)
        return self._told(done)

    async def by_code(self, flow: str, digits: str, client: Client) -> Verified:
        """Redeem the typed code of `flow`; a wrong one uses up a try.

        Raises:
            InvalidCode: wrong, used, expired, out of tries, or another browser's.
            TooManyRequests: too many tries from this address.
        """
        await self.throttle.by_address("code_address", client.key)
        async with self.db.write() as work:
            done = await self._prove(
                work, await work.codes.redeem_digits(PURPOSE, flow, digits, now=self.now()), client
            )
        return self._told(done)

    async def resend(
        self, email: str, client: Client, *, before: str | None = None, device_token: str | None = None
    ) -> str:
        """A new flow id, at once; whether a mail follows is decided after the answer.

        `before` is the flow id that this browser had: the new code brings the password chosen there.

        Raises:
            TooManyRequests: too many mails asked for from this address.
        """
        await self.throttle.by_address("resend_address", client.key)
        flow, life = secrets.token_urlsafe(32), self.settings.code_seconds
        given = {"canonical": canonical_email(email), "flow": flow, "before": before, "device": device_token}
        await self.mail.ask("verify_email", ttl=life, **given)
        return flow

    async def code_for(
        self, *, canonical: str, flow: str, before: str | None = None, device: str | None = None
    ) -> Mail | None:
        """The mail with a new code for this address, or None for an unknown or suspended one, or one too many."""
        async with self.db.read() as work:
            known = await own_device(work, await work.users.by_email(canonical), device, now=self.now())
        if not await self.throttle.may_mail(canonical, device=known):
            return None
        return await self._code_for(canonical, flow, before)

    async def device_code_for(self, *, canonical: str) -> Mail | None:
        """The same when failures cause it and nobody asked.

        Such mails have a count of their own, so that strangers cannot use up those that the owner asks for.
        """
        if not await self.throttle.may_mail(canonical, what="unasked_mail"):
            return None
        return await self._code_for(canonical, secrets.token_urlsafe(32), None)

    async def _code_for(self, canonical: str, flow: str, before: str | None) -> Mail | None:
        async with self.db.read() as work:
            account = await work.users.by_email(canonical)
        if account is None or account.suspended:
            return None
        async with self.db.write() as work:
            own = None if account.verified else await self._chosen(work, account, before)
            if own is None and not account.verified:
                return None
            code = await work.codes.put(
                purpose=PURPOSE,
                user_id=account.id,
                canonical=canonical,
                flow=flow,
                now=self.now(),
                ttl=self.settings.code_seconds,
                tries=self.settings.code_tries,
                password_hash=own.password_hash if own else None,
                name=own.name if own else None,
                username=own.username if own else None,
            )
        if code is None:
            return None
        if account.verified:
            return self.letters.new_device(account.email, code)
        link = own is not None and own.password_hash == account.password_hash
        return self.letters.verify(account.email, code, link=link)

    async def _chosen(self, work: Work, account: Account, before: str | None) -> Chosen | None:
        """The password and name that a proof from this browser shall bring; None when nobody can tell whose it is."""
        chosen = await work.codes.chosen(PURPOSE, account.id, before) if before is not None else None
        current = await work.users.by_id(account.id)
        if chosen is not None or current is None or current.password_hash is None:
            return chosen
        return Chosen(current.password_hash)

    async def _prove(self, work: Work, redeemed: Redeemed | None, client: Client) -> tuple[Verified, bool] | None:
        # The tries are counted in this transaction, so it commits before anything is refused.
        if redeemed is None:
            return None
        now = self.now()
        account = await work.users.by_id(redeemed.user_id)
        if account is None or account.canonical != redeemed.canonical:
            return None
        if account.password_hash is None and redeemed.password_hash is None and not account.verified:
            return None
        proved = await work.users.mark_verified(
            account.id,
            canonical=redeemed.canonical,
            now=now,
            password_hash=redeemed.password_hash,
            name=redeemed.name,
        )
        if proved and not account.verified and redeemed.username is not None:
            # Only the proof takes the name. Whoever was quicker has it; then the account has none yet.
            await work.usernames.add(account.id, redeemed.username, canonical_username(redeemed.username))
        life = self.settings.device_days * DAY
        device = await work.devices.remember(account.id, now=now, ttl=life, address=client.address, agent=client.agent)
        return (Verified(account.id, device), not account.verified) if proved and device is not None else None

    def _told(self, done: tuple[Verified, bool] | None) -> Verified:
        if done is None:
            self.emit(Event(EventType.AUTHN_CODE_FAIL, details={"purpose": PURPOSE}))
            raise InvalidCode
        verified, first = done
        if first:
            self.emit(Event(EventType.USER_UPDATED, who=verified.user_id, details={"verified": True}))
        return verified
