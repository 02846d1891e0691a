"""Change e-mail: the new address proves itself, the old one is told, and nothing changes before."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from pydantic import SecretStr

from fastness.accounts.courier import Courier
from fastness.accounts.db import Database
from fastness.accounts.flows.client import Client
from fastness.accounts.flows.endings import Endings, apply
from fastness.accounts.flows.prove_again import ProveAgain
from fastness.accounts.flows.refusals import InvalidCode
from fastness.accounts.letters import Letters
from fastness.accounts.mail import Mail
from fastness.accounts.models import Account, AddressTaken, Redeemed, Work
from fastness.accounts.revocation import Notice
from fastness.accounts.settings import AccountSettings
from fastness.accounts.throttle import Throttle
from fastness.controls.fields import canonical_email
from fastness.core.clock import Clock
from fastness.core.events import Event, EventType, Level, Sink
from fastness.core.principal import Principal

PURPOSE = "change_email"


@dataclass(frozen=True, slots=True)
class ChangeEmail:
    """The code carries the address it was sent to, and works for the account that asked and no other.

    So of two changes at once neither confirms the other's address (CVE-2026-32700), and a code that somebody else is
    made to enter changes nothing of theirs (GHSA-fmh4-wcc4-5jm3).
    """

    db: Database[Work]
    prove: ProveAgain
    throttle: Throttle
    endings: Endings
    mail: Courier
    letters: Letters
    settings: AccountSettings
    emit: Sink
    now: Clock

    async def ask(self, who: Principal, email: str, password: SecretStr, client: Client) -> str:
        """A flow id, whoever has the address; the mail to it is composed after the answer.

        Raises:
            WrongPassword: another password.
            TooManyRequests: too many tries, or too many mails asked for from this address.
            InvalidToken: the account is gone, or its sessions ended meanwhile.
            Unavailable: too many hashes are waiting, or the database does not answer.
        """
        await self.throttle.by_address("resend_address", client.key)
        await self.prove.with_password(who, password, to="change the address")
        flow, life = secrets.token_urlsafe(32), self.settings.code_seconds
        await self.mail.ask(PURPOSE, ttl=life, user_id=who.id, email=email, flow=flow)
        return flow

    async def code_for(self, *, user_id: str, email: str, flow: str) -> Mail | None:
        """The mail to the new address: a code, or that somebody has an account with it already."""
        canonical = canonical_email(email)
        if not await self.throttle.may_mail(canonical):
            return None
        async with self.db.write() as work:
            account, owner = await work.users.hold(user_id), await work.users.by_email(canonical)
            if account is None or account.suspended:
                return None
            if owner is not None and owner.id != account.id:
                return self.letters.address_taken(owner.email)
            await work.codes.forget(account.id, purpose=PURPOSE)
            code = await work.codes.put(
                purpose=PURPOSE,
                user_id=account.id,
                canonical=canonical,
                email=email,
                flow=flow,
                now=self.now(),
                ttl=self.settings.code_seconds,
                tries=self.settings.code_tries,
            )
        return None if code is None else self.letters.change_email(email, code)

    async def by_link(self, who: Principal, token: str, client: Client) -> Account:
        """Take the new address, proved by the link's token; the account with it.

        Raises:
            InvalidCode: unknown, used, expired, another account's, or the address was taken meanwhile.
            TooManyRequests: too many tries from this address.
        """
        await self.throttle.by_address("code_address", client.key)
        try:
            async with self.db.write() as work:
                redeemed = await work.codes.redeem_token(PURPOSE, token, now=self.now())
                done = await self._take(work, who, redeemed, client)
        except AddressTaken:
            done = None
        return self._told(who, done)

    async def by_code(self, who: Principal, flow: str, digits: str, client: Client) -> Account:
        """The same by the typed code of `flow`; a wrong one uses up a try. Raises as `by_link`."""
        await self.throttle.by_address("code_address", client.key)
        try:
            async with self.db.write() as work:
                redeemed = await work.codes.redeem_digits(PURPOSE, flow, digits, now=self.now())
                done = await self._take(work, who, redeemed, client)
        except AddressTaken:
            done = None
        return self._told(who, done)

    async def _take(
        self, work: Work, who: Principal, redeemed: Redeemed | None, client: Client
    ) -> tuple[Account, list[Notice]] | None:
        if redeemed is None:
            return None
        if redeemed.user_id != who.id or redeemed.email is None:
            raise InvalidCode("somebody else's")  # rolls back: the code stays its owner's
        before = await work.users.hold(who.id)
        if before is None or before.suspended or before.version != who.version:
            return None
        if who.session is not None and await work.sessions.get(who.session, now=self.now()) is None:
            return None
        email, canonical, now = redeemed.email, redeemed.canonical, self.now()
        account = await work.users.change_email(who.id, email=email, canonical=canonical, old=before.canonical, now=now)
        if account is None:
            return None
        await work.codes.forget(who.id)
        await self.mail.post(work, self.letters.email_changed(before.email, at=now, address=client.address))
        return account, await self.endings.others(work, who)

    def _told(self, who: Principal, done: tuple[Account, list[Notice]] | None) -> Account:
        if done is None:
            self.emit(Event(EventType.AUTHN_CODE_FAIL, who=who.id, details={"purpose": PURPOSE}))
            raise InvalidCode
        account, notices = done
        apply(notices)
        self.mail.wake()
        self.emit(Event(EventType.USER_UPDATED, who=who.id, level=Level.WARN, details={"fields": ["email"]}))
        return account
