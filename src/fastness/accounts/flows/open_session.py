"""Open session: whoever proved who they are, by whatever way, gets tokens or a cookie."""

from __future__ import annotations

from dataclasses import dataclass

from fastness.accounts.courier import Courier
from fastness.accounts.flows.client import Client
from fastness.accounts.flows.endings import apply
from fastness.accounts.flows.issue import Issue, SignedIn, SignedInBrowser, fingerprint
from fastness.accounts.flows.refusals import BadCredentials
from fastness.accounts.flows.verify_email import DAY
from fastness.accounts.letters import Letters
from fastness.accounts.models import Account, Opened, Work
from fastness.accounts.models.session_tokens import Form
from fastness.accounts.revocation import Notice, RevocationFeed
from fastness.accounts.settings import AccountSettings
from fastness.core.clock import Clock
from fastness.core.events import Event, EventType, Sink


@dataclass(frozen=True, slots=True)
class Opening:
    """A session that is written and not yet committed."""

    account: Account
    opened: Opened
    device_token: str | None
    methods: tuple[str, ...]
    at: float
    notices: list[Notice]
    mailed: bool
    """Whether a mail waits for the commit."""


@dataclass(frozen=True, slots=True)
class OpenSession:
    """The same for every way to sign in, so that none forgets the cap, the notice, the events or the device."""

    issue: Issue
    revocation: RevocationFeed
    mail: Courier
    letters: Letters
    settings: AccountSettings
    emit: Sink
    now: Clock

    async def within(
        self,
        work: Work,
        account: Account,
        client: Client,
        *,
        device_token: str | None,
        form: Form,
        methods: tuple[str, ...],
        trust: bool = False,
    ) -> Opening:
        """Write a session for `account`, which is held, in the caller's transaction; `done` after its commit.

        `device_token` is one that is known; without it the device becomes known now. `trust` lets it pass without a
        second factor for a while.

        Raises:
            BadCredentials: the account was suspended meanwhile.
        """
        now, settings = self.now(), self.settings
        mailed = device_token is None and settings.new_device_notice
        if device_token is None:
            device_token = await self._new_device(work, account, client, now)
        if trust and device_token is not None:
            until = now + settings.mfa.remember_days * DAY
            await work.devices.trust(account.id, device_token, until=until)
        opened = await work.sessions.open(
            account.id,
            now=now,
            idle=settings.session_idle,
            absolute=settings.session_absolute,
            cap=settings.sessions_per_user,
            address=client.address,
            agent=client.agent,
            methods=methods,
            held=account,
            form=form,
        )
        if opened is None:
            raise BadCredentials("suspended meanwhile")
        notices = [await self.revocation.end_session(work, old) for old in opened.closed]
        return Opening(account, opened, device_token, methods, now, notices, mailed)

    def done(self, opening: Opening) -> Opening:
        """Make it count: once the transaction is committed."""
        apply(opening.notices)
        if opening.mailed:
            self.mail.wake()
        who = opening.account.id
        self.emit(Event(EventType.AUTHN_LOGIN_SUCCESS, who=who, details={"methods": " ".join(opening.methods)}))
        self.emit(
            Event(EventType.SESSION_CREATED, who=who, details={"sid_hash": fingerprint(opening.opened.session_id)})
        )
        return opening

    def tokens(self, opening: Opening) -> SignedIn:
        """What a client gets."""
        life = self.issue.life(now=opening.at, ends=opening.at + self.settings.session_absolute)
        token = self.issue.access_token(
            opening.account,
            opening.opened.session_id,
            authenticated_at=opening.at,
            methods=opening.methods,
            life=life,
        )
        return SignedIn(token, life, opening.opened.refresh_token, opening.device_token)

    def cookie(self, opening: Opening) -> SignedInBrowser:
        """What a browser gets."""
        opened, life = opening.opened, self.settings.session_absolute
        return SignedInBrowser(opened.refresh_token, life, opened.session_id, opening.device_token)

    async def _new_device(self, work: Work, account: Account, client: Client, now: float) -> str | None:
        if self.settings.new_device_notice:
            letter = self.letters.new_sign_in(account.email, at=now, address=client.address, device=client.device)
            await self.mail.post(work, letter)
        return await work.devices.remember(
            account.id,
            now=now,
            ttl=self.settings.device_days * DAY,
            held=account,
            address=client.address,
            agent=client.agent,
        )
