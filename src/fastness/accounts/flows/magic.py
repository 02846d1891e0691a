"""Magic: a mailed link, or a typed code, signs in without a password, in the browser that asked for it."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

from fastness.accounts.courier import Courier
from fastness.accounts.db import Database
from fastness.accounts.flows.client import Client
from fastness.accounts.flows.endings import Endings, apply
from fastness.accounts.flows.first_proof import leave_nothing
from fastness.accounts.flows.issue import SignedIn, SignedInBrowser
from fastness.accounts.flows.known_device import own_device
from fastness.accounts.flows.login import Login, SecondFactorNeeded
from fastness.accounts.flows.open_session import Opening
from fastness.accounts.flows.refusals import InvalidCode
from fastness.accounts.letters import Letters
from fastness.accounts.mail import Mail
from fastness.accounts.models import Account, Redeemed, Work
from fastness.accounts.models.session_tokens import Form
from fastness.accounts.revocation import Notice
from fastness.accounts.settings import AccountSettings
from fastness.accounts.throttle import Throttle
from fastness.controls.fields import canonical_email
from fastness.core.clock import Clock
from fastness.core.events import Event, EventType, Level, Sink

PURPOSE = "magic"


@dataclass(frozen=True, slots=True)
class Mailed:
    """What came back of a mail: the link's token or the typed digits, and the flow of the browser that asked."""

    flow: str = field(repr=False)
    token: str | None = field(default=None, repr=False)
    digits: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Magic:
    """The mailbox stands in for the password and for nothing else: a second factor is asked for as ever.

    Link and code alike work with the flow of the browser that asked. A link that is forwarded, read by a scanner, or sent
    to somebody to sign him in as somebody else, opens nothing.
    """

    db: Database[Work]
    throttle: Throttle
    login: Login
    endings: Endings
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
        """The mail with a code for this address, or None for an unknown or suspended one, or one too many."""
        async with self.db.read() as work:
            account = await work.users.by_email(canonical)
            known = await own_device(work, account, device, now=self.now())
        if not await self.throttle.may_mail(canonical, what="magic_mail", device=known):
            return None
        if account is None or account.suspended:
            return None
        async with self.db.write() as work:
            code = await work.codes.put(
                purpose=PURPOSE,
                user_id=account.id,
                canonical=canonical,
                flow=flow,
                now=self.now(),
                ttl=self.settings.code_seconds,
                tries=self.settings.code_tries,
            )
        return None if code is None else self.letters.magic(account.email, code)

    async def for_client(
        self, given: Mailed, client: Client, *, device_token: str | None = None
    ) -> SignedIn | SecondFactorNeeded:
        """Tokens of a new session, or the challenge of the second factor.

        Raises:
            InvalidCode: wrong, used, expired, out of tries, another browser's, or the account changed meanwhile.
            TooManyRequests: too many tries from this address.
            Unavailable: the database does not answer.
        """
        done = await self._redeem(given, client, device_token, "refresh")
        return self.login.open.tokens(done) if isinstance(done, Opening) else done

    async def for_browser(
        self, given: Mailed, client: Client, *, device_token: str | None = None
    ) -> SignedInBrowser | SecondFactorNeeded:
        """The same, with a cookie. Raises as `for_client`."""
        done = await self._redeem(given, client, device_token, "cookie")
        return self.login.open.cookie(done) if isinstance(done, Opening) else done

    async def _redeem(
        self, given: Mailed, client: Client, device_token: str | None, form: Form
    ) -> Opening | SecondFactorNeeded:
        await self.throttle.by_address("code_address", client.key)
        now = self.now()
        async with self.db.write() as work:
            if given.token is not None:
                redeemed = await work.codes.redeem_token(PURPOSE, given.token, now=now, flow=given.flow)
            else:
                redeemed = await work.codes.redeem_digits(PURPOSE, given.flow, given.digits or "", now=now)
            done, notices = await self._open(work, redeemed, client, device_token, form)
        # Only now: the try is counted in that transaction, and a refusal would roll it back.
        if done is None or redeemed is None:
            self.emit(Event(EventType.AUTHN_CODE_FAIL, level=Level.WARN, details={"purpose": PURPOSE}))
            raise InvalidCode
        apply(notices)
        if isinstance(done, SecondFactorNeeded):
            return done
        await self.throttle.forgive(redeemed.canonical, user_id=redeemed.user_id)
        return self.login.open.done(done)

    async def _open(
        self, work: Work, redeemed: Redeemed | None, client: Client, device_token: str | None, form: Form
    ) -> tuple[Opening | SecondFactorNeeded | None, list[Notice]]:
        account = await work.users.hold(redeemed.user_id) if redeemed is not None else None
        if redeemed is None or account is None or account.suspended or account.canonical != redeemed.canonical:
            return None, []
        notices: list[Notice] = []
        if not account.verified:
            account, notices = await self._proved(work, account)
        if device_token is not None and not await work.devices.known(account.id, device_token, now=self.now()):
            device_token = None
        challenge = await self.login.challenge(work, account, device_token, form, first="email")
        if challenge is not None:
            return challenge, notices
        opens = self.login.open
        done = await opens.within(work, account, client, device_token=device_token, form=form, methods=("email",))
        return done, notices

    async def _proved(self, work: Work, account: Account) -> tuple[Account, list[Notice]]:
        """The address is proved now: whoever registered it before leaves no password, no session and nothing else."""
        await work.users.forget_password(account.id)
        await work.users.mark_verified(account.id, canonical=account.canonical, now=self.now())
        await work.users.rename(account.id, "")
        await leave_nothing(work, account)
        notices = await self.endings.all(work, account.id)
        return await work.users.hold(account.id) or account, notices
