"""Login: an e-mail and a password become a session, or ask for a second factor, or nothing is learned."""

from __future__ import annotations

from dataclasses import dataclass, field

from pydantic import SecretStr

from fastness.accounts.courier import Courier
from fastness.accounts.db import Database
from fastness.accounts.flows.client import Client
from fastness.accounts.flows.issue import Issue, SignedIn, SignedInBrowser, fingerprint
from fastness.accounts.flows.open_session import Opening, OpenSession
from fastness.accounts.flows.refusals import BadCredentials, NoUsernames
from fastness.accounts.models import Account, Work
from fastness.accounts.models.session_tokens import Form
from fastness.accounts.settings import AccountSettings
from fastness.accounts.throttle import Throttle, TooManyFailures
from fastness.controls.fields import canonical_email, canonical_username
from fastness.controls.passwords import Passwords
from fastness.core.clock import Clock
from fastness.core.errors import TooManyRequests
from fastness.core.events import Event, EventType, Level, Sink

CONFIRM = "confirm_device"
"""The purpose of the code with which a new device is confirmed, and the first step of its challenge."""
NOBODY = "00000000-0000-0000-0000-000000000000"
"""The id of no account, for statements that an address without one costs as well."""


@dataclass(frozen=True, slots=True)
class SecondFactorNeeded:
    """The password was right, and is not enough. `methods` are the ways to go on."""

    mfa_token: str = field(repr=False)
    methods: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Login:
    """Counts, then hashes once, then opens a session in one short transaction.

    Unknown, unverified and suspended accounts and wrong passwords cost one hash each and get the same answer.
    """

    db: Database[Work]
    passwords: Passwords
    throttle: Throttle
    open: OpenSession
    mail: Courier
    settings: AccountSettings
    emit: Sink
    now: Clock

    @property
    def issue(self) -> Issue:
        """What writes access tokens."""
        return self.open.issue

    async def with_password(
        self, name: str, password: SecretStr, client: Client, *, device_token: str | None = None
    ) -> SignedIn | SecondFactorNeeded:
        """A session for the owner of the password, or the challenge of the second factor.

        `name` is the address, or where people have one a user name: that has no at sign.

        Raises:
            TooManyRequests: this address, this account or the whole service is tried too often.
            NoUsernames: a name without an at sign, where people have none.
            BadCredentials: for every other reason.
            Unavailable: too many hashes are waiting, or the database does not answer.
        """
        done = await self._signed_in(name, password, client, device_token, "refresh")
        return self.open.tokens(done) if isinstance(done, Opening) else done

    async def for_browser(
        self, name: str, password: SecretStr, client: Client, *, device_token: str | None = None
    ) -> SignedInBrowser | SecondFactorNeeded:
        """The same, with a cookie for a browser instead of tokens. Raises as `with_password`."""
        done = await self._signed_in(name, password, client, device_token, "cookie")
        return self.open.cookie(done) if isinstance(done, Opening) else done

    async def _signed_in(
        self, name: str, password: SecretStr, client: Client, device_token: str | None, form: Form
    ) -> Opening | SecondFactorNeeded:
        if "@" not in name and "username" not in self.settings.login_by:
            raise NoUsernames
        await self.throttle.by_address("address", client.key)
        account, canonical, device = await self._look_up(name, device_token)
        await self._count(canonical, device)
        match = await self.passwords.check(password, account.password_hash if account else None)
        if account is None or not match.ok or not self._may_login(account):
            reason = "unknown" if account is None else "wrong password" if not match.ok else "not allowed"
            self.emit(
                Event(EventType.AUTHN_LOGIN_FAIL, who=account.id if account else None, level=Level.WARN, reason=reason)
            )
            raise BadCredentials(reason)
        if device is None and self.settings.new_device_confirmation:
            await self._before_mail(account)
        done = await self._open(account, match.new_hash, client, device_token if device else None, form)
        await self.throttle.forgive(canonical, device=device, user_id=account.id)
        return done

    async def _look_up(self, name: str, device_token: str | None) -> tuple[Account | None, str, str | None]:
        """Who is meant, under what the tries are counted, and the device if it is known."""

        async def look(work: Work) -> tuple[Account | None, str, str | None]:
            if "@" in name:
                canonical = canonical_email(name)
                account = await work.users.by_email(canonical)
            else:
                canonical = f"username\0{canonical_username(name)}"
                account = await work.usernames.owner(canonical_username(name))
                # One count for both names of an account, or a guesser would have twice as many tries.
                canonical = canonical if account is None else account.canonical
            if device_token is None:
                return account, canonical, None
            # An unknown account costs the same second look.
            known = await work.devices.known(account.id if account else NOBODY, device_token, now=self.now())
            return account, canonical, fingerprint(device_token) if known else None

        return await self.db.read_at_once(look)

    async def _count(self, canonical: str, device: str | None) -> None:
        try:
            await self.throttle.by_account(canonical, device=device)
        except TooManyFailures:
            # The way out for the owner on a new device: a mailed link makes it known. Never a lock by a stranger.
            # Without a link he asks for a code himself: nobody holds a flow that this one could be typed with.
            if self.settings.verify_link is not None:
                await self.mail.ask("known_device", ttl=self.settings.code_seconds, canonical=canonical)
            raise

    async def _before_mail(self, account: Account) -> None:
        # Counted before the transaction opens, and not for those whom a factor is asked of instead.
        async with self.db.read() as work:
            if self.settings.mfa.needed_by(account.role) or await work.factors.confirmed(account.id):
                return
        if not await self.throttle.may_mail(account.canonical, what="device_mail"):
            raise TooManyRequests("too many new devices asked for a code", retry_after=3600)

    async def _confirm(self, work: Work, account: Account, client: Client, form: Form) -> SecondFactorNeeded | None:
        """A new device waits for a code from the mailbox, which works with this challenge alone."""
        now, life, tries = self.now(), self.settings.code_seconds, self.settings.code_tries
        token = await work.challenges.put(account, form=form, now=now, ttl=life, tries=tries, first=CONFIRM)
        code = await work.codes.put(
            purpose=CONFIRM, user_id=account.id, canonical=account.canonical, flow=token, now=now, ttl=life, tries=tries
        )
        if code is None:
            raise BadCredentials("deleted meanwhile")
        letter = self.open.letters.confirm_device(
            account.email, code, at=now, address=client.address, device=client.device
        )
        await self.mail.post(work, letter, ttl=life)
        return SecondFactorNeeded(token, ("email_code",))

    def _may_login(self, account: Account) -> bool:
        return not account.suspended and (account.verified or self.settings.unsafe_allow_unverified)

    async def _open(
        self, account: Account, new_hash: str | None, client: Client, device_token: str | None, form: Form
    ) -> Opening | SecondFactorNeeded:
        async def opened(work: Work) -> Opening | SecondFactorNeeded:
            current = await work.users.hold(account.id)
            # The hash took its time: whoever was deleted, suspended or changed since then is not who was checked.
            if current is None or current.version != account.version or current.password_hash != account.password_hash:
                raise BadCredentials("the account changed meanwhile")
            if new_hash is not None:
                await work.users.set_password_hash(account.id, new_hash, old=account.password_hash)
                current = await work.users.by_id(account.id) or current
            owed = await self.challenge(work, current, device_token, form)
            if owed is None and device_token is None and self.settings.new_device_confirmation:
                owed = await self._confirm(work, current, client, form)
            return owed or await self.open.within(
                work, current, client, device_token=device_token, form=form, methods=("pwd",)
            )

        done = await self.db.write_at_once(opened)
        if isinstance(done, SecondFactorNeeded):
            self.mail.wake()
            return done
        return self.open.done(done)

    async def challenge(
        self, work: Work, account: Account, device_token: str | None, form: Form, *, first: str = "pwd"
    ) -> SecondFactorNeeded | None:
        """What this account still owes after its first step, which `first` names; None when that is enough.

        `account` is held. The same for every way to sign in, so that none goes around the second factor.
        """
        mfa, now = self.settings.mfa, self.now()
        factors = await work.factors.confirmed(account.id)
        if not factors and not mfa.needed_by(account.role):
            return None
        remembered = factors and mfa.remember_days and device_token is not None
        if remembered and await work.devices.trusted(account.id, device_token or "", now=now):
            return None
        life, tries = mfa.challenge_seconds, mfa.tries
        token = await work.challenges.put(account, form=form, now=now, ttl=life, tries=tries, first=first)
        kinds = tuple(dict.fromkeys(factor.kind for factor in factors))
        return SecondFactorNeeded(token, (*kinds, "recovery_code") if kinds else ("enrol",))
