"""Second factor: the challenge of a sign-in is met with a code or a passkey, and one counter bounds every guess."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fastness.accounts.courier import Courier
from fastness.accounts.db import Database
from fastness.accounts.flows.client import Client
from fastness.accounts.flows.factor_proof import Enrolment, FactorProof, Given
from fastness.accounts.flows.issue import SignedIn, SignedInBrowser
from fastness.accounts.flows.open_session import Opening, OpenSession
from fastness.accounts.flows.refusals import InvalidChallenge, InvalidFactor
from fastness.accounts.letters import Letters
from fastness.accounts.models import Account, Challenge, Work
from fastness.accounts.models.challenges import proof_of
from fastness.accounts.models.session_tokens import Form
from fastness.accounts.settings import AccountSettings
from fastness.accounts.throttle import Throttle
from fastness.core.clock import Clock
from fastness.core.events import Event, EventType, Level, Sink

_FIRST = ("pwd", "email")
"""What a second factor may come after. A device that waits for its mailed code needs that code, and no other."""


@dataclass(frozen=True, slots=True)
class SecondFactor:
    """A challenge belongs to the account whose password was right, and to that password and role (CVE-2026-45337).

    Five tries a challenge; over all challenges, addresses and kinds of factor together, the rates of the account.
    """

    db: Database[Work]
    proof: FactorProof
    throttle: Throttle
    open: OpenSession
    mail: Courier
    letters: Letters
    settings: AccountSettings
    emit: Sink
    now: Clock

    async def for_client(
        self, token: str, given: Given, client: Client, *, device_token: str | None = None, trust: bool = False
    ) -> SignedIn:
        """Tokens of the session that was asked for.

        Raises:
            InvalidChallenge: unknown, over, used, out of tries, or the account changed meanwhile.
            InvalidFactor: the code is not right, or was used before.
            TooManyRequests: too many tries from this address or at this account.
            Unavailable: the database does not answer.
        """
        return self.open.tokens(await self._finish(token, given, client, device_token, "refresh", trust=trust))

    async def for_browser(
        self, token: str, given: Given, client: Client, *, device_token: str | None = None, trust: bool = False
    ) -> SignedInBrowser:
        """The same, with a cookie. Raises as `for_client`."""
        return self.open.cookie(await self._finish(token, given, client, device_token, "cookie", trust=trust))

    async def passkey_options(self, token: str, client: Client, *, form: Form) -> dict[str, Any]:
        """For the browser, with the passkeys of the account that signs in. The answer counts for this sign-in alone.

        Raises:
            InvalidChallenge: unknown, over, used, out of tries, or the account changed meanwhile.
            NoSuchFactor: the account has no passkey.
            TooManyRequests: too many tries from this address.
        """
        await self.throttle.by_address("code_address", client.key)
        async with self.db.read() as work:
            challenge = await work.challenges.find(token, form=form, now=self.now())
            account = await work.users.by_id(challenge.user_id) if challenge is not None else None
            if challenge is None or account is None or self._first(account, challenge) is None:
                raise InvalidChallenge("unknown or over")
            return await self.proof.passkeys.options(work, account.id, self.proof.passkeys.in_sign_in(token))

    async def enrol(self, token: str, client: Client, *, form: Form) -> Enrolment:
        """A factor for somebody who must have one and has none; its first code finishes the sign-in.

        Raises:
            InvalidChallenge: unknown, over or spent, or there is a factor already.
            TooManyRequests: too many tries from this address.
        """
        await self.throttle.by_address("code_address", client.key)
        async with self.db.write() as work:
            challenge = await work.challenges.find(token, form=form, now=self.now())
            account = await work.users.hold(challenge.user_id) if challenge is not None else None
            if challenge is None or account is None or self._first(account, challenge) is None:
                raise InvalidChallenge("unknown or over")
            if await work.factors.confirmed(account.id):
                raise InvalidChallenge("there is a factor already")
            return await self.proof.enrol(work, account, "Authenticator app")

    async def _finish(
        self, token: str, given: Given, client: Client, device_token: str | None, form: Form, *, trust: bool
    ) -> Opening:
        await self.throttle.by_address("code_address", client.key)
        async with self.db.read() as work:
            challenge = await work.challenges.find(token, form=form, now=self.now())
        if challenge is None:
            raise InvalidChallenge("unknown, over or out of tries")
        await self.throttle.by_factor(challenge.user_id)
        async with self.db.write() as work:
            attempt = await work.challenges.attempt(token, form=form, now=self.now())
            account = await work.users.hold(attempt.user_id) if attempt is not None else None
            first = None if attempt is None or account is None else self._first(account, attempt)
            if attempt is None or account is None or first is None:
                raise InvalidChallenge("spent, or the account changed meanwhile")
            done: Opening | None = None
            ceremony = self.proof.passkeys.in_sign_in(token)
            methods = await self.proof.accept(work, account, given, client, ceremony)
            methods = methods or await self.proof.accept_first(work, account, given, client)
            if methods is not None and await work.challenges.spend(token, now=self.now()):
                known = device_token is not None and await work.devices.known(account.id, device_token, now=self.now())
                done = await self.open.within(
                    work,
                    account,
                    client,
                    device_token=device_token if known else None,
                    form=form,
                    methods=(first, *methods, "mfa"),
                    trust=trust and self.settings.mfa.remember_days > 0,
                )
            elif attempt.tries_left == 0:
                letter = self.letters.factor_failed(account.email, at=self.now(), address=client.address)
                await self.mail.post(work, letter)
        # Only now: the try is counted in that transaction, and a refusal would roll it back.
        if done is None:
            self._failed(account, attempt)
            raise InvalidFactor
        await self.throttle.forgive_factor(account.id)
        self.mail.wake()  # a proof may have posted one, whatever the session did
        return self.open.done(done)

    def _first(self, account: Account, challenge: Challenge) -> str | None:
        """What was proved before; None when the account has changed since."""
        if account.suspended:
            return None
        return next((first for first in _FIRST if challenge.proved == proof_of(account, first)), None)

    def _failed(self, account: Account, attempt: Challenge) -> None:
        self.mail.wake()
        details = {"purpose": "mfa", "tries_left": attempt.tries_left}
        self.emit(Event(EventType.AUTHN_CODE_FAIL, who=account.id, level=Level.WARN, details=details))
