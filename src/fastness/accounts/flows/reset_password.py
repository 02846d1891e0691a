"""Reset password: whoever reads the mailbox chooses a new one, once, and every session ends."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

from pydantic import SecretStr

from fastness.accounts.courier import Courier
from fastness.accounts.db import Database
from fastness.accounts.flows.client import Client
from fastness.accounts.flows.endings import Endings, apply
from fastness.accounts.flows.first_proof import leave_nothing
from fastness.accounts.flows.known_device import own_device
from fastness.accounts.flows.new_password import NewPasswords
from fastness.accounts.flows.refusals import InvalidCode
from fastness.accounts.flows.verify_email import DAY
from fastness.accounts.letters import Letters
from fastness.accounts.mail import Mail
from fastness.accounts.models import Account, Redeemed, Work
from fastness.accounts.revocation import Notice
from fastness.accounts.settings import AccountSettings
from fastness.accounts.throttle import Throttle
from fastness.controls.fields import canonical_email
from fastness.core.clock import Clock
from fastness.core.events import Event, EventType, Level, Sink

PURPOSE = "reset_password"


@dataclass(frozen=True, slots=True)
class Reset:
    """The new password counts. The device that chose it is known from now on."""

    user_id: str
    device_token: str = field(repr=False)
    notices: list[Notice] = field(repr=False)
    keys: tuple[str, ...] = ()
    """The API keys that ended with the old password, by their ids."""


@dataclass(frozen=True, slots=True)
class ResetPassword:
    """The code is bound to the address and to the password that it replaces: any other change of either ends it.

    It signs nobody in, and asks for no less at the next sign-in: a second factor stays (OWASP Forgot Password cheat
    sheet).
    """

    db: Database[Work]
    new: NewPasswords
    throttle: Throttle
    endings: Endings
    mail: Courier
    letters: Letters
    settings: AccountSettings
    emit: Sink
    now: Clock

    async def forgot(self, email: str, client: Client, *, device_token: str | None = None) -> str:
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
        """The mail with a code for this address, or None for an unknown or suspended one, or one too many."""
        async with self.db.read() as work:
            known = await own_device(work, await work.users.by_email(canonical), device, now=self.now())
        if not await self.throttle.may_mail(canonical, what="reset_mail", device=known):
            return None
        async with self.db.write() as work:
            account = await work.users.by_email(canonical)
            if account is None or account.suspended:
                return None
            code = await work.codes.put(
                purpose=PURPOSE,
                user_id=account.id,
                canonical=canonical,
                flow=flow,
                now=self.now(),
                ttl=self.settings.code_seconds,
                tries=self.settings.code_tries,
                password_hash=account.password_hash,
            )
        return None if code is None else self.letters.reset_password(account.email, code)

    async def by_link(self, token: str, password: SecretStr, client: Client) -> Reset:
        """Redeem the link's token.

        Raises:
            WeakPassword: of the new password; the code is not spent.
            InvalidCode: unknown, used, expired, or another password was set meanwhile.
            TooManyRequests: too many tries from this address.
            Unavailable: too many hashes are waiting, or the database does not answer.
        """
        await self.throttle.by_address("code_address", client.key)
        new_hash = await self.new.hash(password)
        async with self.db.write() as work:
            redeemed = await work.codes.redeem_token(PURPOSE, token, now=self.now())
            done = await self._set(work, redeemed, password, new_hash, client)
        return self._told(done)

    async def by_code(self, flow: str, digits: str, password: SecretStr, client: Client) -> Reset:
        """Redeem the typed code of `flow`; a wrong one uses up a try. Raises as `by_link`."""
        await self.throttle.by_address("code_address", client.key)
        new_hash = await self.new.hash(password)
        async with self.db.write() as work:
            redeemed = await work.codes.redeem_digits(PURPOSE, flow, digits, now=self.now())
            done = await self._set(work, redeemed, password, new_hash, client)
        return self._told(done)

    async def _set(
        self, work: Work, redeemed: Redeemed | None, password: SecretStr, new_hash: str, client: Client
    ) -> Reset | None:
        # The tries are counted in this transaction, so it commits before anything is refused.
        account = await work.users.hold(redeemed.user_id) if redeemed is not None else None
        if redeemed is None or account is None or not self._is_the_same(account, redeemed):
            return None
        self.new.refuse_personal(password, account)  # rolls back: whoever holds the code may choose again
        now = self.now()
        await work.users.set_password_hash(account.id, new_hash, old=account.password_hash)
        keys = await work.api_keys.remove_all(account.id) if self.settings.reset_ends_keys else ()
        if not account.verified:
            # Whoever registered this address without owning it leaves nothing behind.
            await work.users.mark_verified(account.id, canonical=account.canonical, now=now)
            await work.users.rename(account.id, "")
            await leave_nothing(work, account)
        await work.codes.forget(account.id)
        await work.devices.forget_all(account.id)
        life = self.settings.device_days * DAY
        device = await work.devices.remember(
            account.id, now=now, ttl=life, held=account, address=client.address, agent=client.agent
        )
        letter = self.letters.password_changed(account.email, at=now, address=client.address, keys=len(keys))
        await self.mail.post(work, letter)
        notices = await self.endings.all(work, account.id)
        return None if device is None else Reset(account.id, device, notices, keys)

    def _is_the_same(self, account: Account, redeemed: Redeemed) -> bool:
        return (
            not account.suspended
            and account.canonical == redeemed.canonical
            and account.password_hash == redeemed.password_hash
        )

    def _told(self, done: Reset | None) -> Reset:
        if done is None:
            self.emit(Event(EventType.AUTHN_CODE_FAIL, details={"purpose": PURPOSE}))
            raise InvalidCode
        apply(done.notices)
        self.mail.wake()
        self.emit(
            Event(EventType.AUTHN_PASSWORD_CHANGE, who=done.user_id, level=Level.WARN, details={"by": "mailed code"})
        )
        for key in done.keys:
            details = {"id": key, "by": "mailed code"}
            self.emit(
                Event(
                    EventType.AUTHN_TOKEN_REVOKED, who=done.user_id, level=Level.WARN, reason="api key", details=details
                )
            )
        return done
