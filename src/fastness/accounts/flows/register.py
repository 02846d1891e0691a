"""Register: an address asks for an account, and the answer is the same whoever has it already."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from pydantic import SecretStr

from fastness.accounts.courier import Courier
from fastness.accounts.db import Database
from fastness.accounts.flows.choose_username import refuse_reserved
from fastness.accounts.flows.client import Client
from fastness.accounts.flows.login import NOBODY
from fastness.accounts.flows.new_password import NewPasswords
from fastness.accounts.flows.refusals import UsernameNotAvailable
from fastness.accounts.flows.verify_email import PURPOSE
from fastness.accounts.letters import Letters
from fastness.accounts.mail import Mail
from fastness.accounts.models import Account, Code, Work
from fastness.accounts.settings import AccountSettings
from fastness.accounts.throttle import Throttle
from fastness.controls.fields import canonical_email, canonical_username
from fastness.core.clock import Clock
from fastness.core.events import Event, EventType, Sink


@dataclass(frozen=True, slots=True)
class Register:
    """An e-mail address, a password and a name become an account that waits for proof of the address.

    New and taken addresses cost one hash, one transaction that writes, and one mail, and get the same answer
    (OWASP Authentication cheat sheet; ASVS 6.3.8). Each code brings the password that was chosen together with it, so
    a stranger who registers the same address, before or after its owner, leaves nothing behind when the owner proves
    it (pre-hijacking). From the second registration on no link works, only the code typed in the browser that asked.
    """

    db: Database[Work]
    new: NewPasswords
    throttle: Throttle
    mail: Courier
    letters: Letters
    settings: AccountSettings
    emit: Sink
    now: Clock

    async def __call__(
        self, email: str, password: SecretStr, name: str, client: Client, *, username: str | None = None
    ) -> str:
        """The flow id: a mailed code works only together with it.

        Raises:
            TooManyRequests: too many registrations from this address.
            UsernameNotAvailable: somebody has this user name, or nobody may. Names are public; addresses are not.
            NoUsernames: people do not sign in with one here.
            WeakPassword: the password is short, common, leaked, or made of the name or address.
            Unavailable: too many hashes are waiting, or the database does not answer.
        """
        await self.throttle.by_address("register_address", client.key)
        if username is not None:
            await self._refuse_taken(username)
        password_hash = await self.new.hash(password, context=(email, name, username or ""))
        flow = secrets.token_urlsafe(32)
        await self._record(email, password_hash, name, flow, username)
        self.mail.wake()
        return flow

    async def _refuse_taken(self, username: str) -> None:
        refuse_reserved(username, self.settings)
        async with self.db.read() as work:
            if await work.usernames.owner(canonical_username(username)) is not None:
                raise UsernameNotAvailable("taken")

    async def _record(self, email: str, password_hash: str, name: str, flow: str, username: str | None) -> None:
        canonical, now = canonical_email(email), self.now()
        may_mail = await self.throttle.may_mail(canonical)
        async with self.db.write() as work:
            account = created = await self._add(work, email, password_hash, name)
            if may_mail:
                # A new address is looked up too, and nobody's password forgotten: the work is the same.
                account = await work.users.by_email(canonical)
                if account is not None and not self.settings.unsafe_allow_unverified:
                    await work.users.contest(account.id if created is None else NOBODY)
            own = account is not None and (created is not None or self._is_waiting(account))
            code = None
            if account is not None and may_mail:
                # Taken addresses get a code too, which nobody is told: the work is the same.
                code = await work.codes.put(
                    purpose=PURPOSE if self._is_open(account) else "none",
                    user_id=account.id,
                    canonical=canonical,
                    flow=flow,
                    now=now,
                    ttl=self.settings.code_seconds,
                    tries=self.settings.code_tries,
                    password_hash=password_hash if own else None,
                    name=name if own else None,
                    username=username if own else None,
                )
            if account is not None and code is not None:
                letter = self._letter(account, code, link=created is not None or not own)
                await self.mail.post(work, letter, ttl=self.settings.code_seconds, asked=True)
        if created is not None:
            self.emit(Event(EventType.USER_CREATED, who=created.id))

    def _letter(self, account: Account, code: Code, *, link: bool) -> Mail:
        if self._is_open(account):
            return self.letters.verify(account.email, code, link=link)
        return self.letters.already_registered(account.email)

    async def _add(self, work: Work, email: str, password_hash: str, name: str) -> Account | None:
        return await work.users.add(
            email=email, canonical=canonical_email(email), name=name, password_hash=password_hash, now=self.now()
        )

    def _is_open(self, account: Account) -> bool:
        return not account.verified and not account.suspended

    def _is_waiting(self, account: Account) -> bool:
        # Somebody may be using an unverified account where that is allowed, and an administrator's is not replaced.
        return self._is_open(account) and account.role == "user" and not self.settings.unsafe_allow_unverified
