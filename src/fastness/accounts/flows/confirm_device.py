"""Confirm device: a new device that gave the right password finishes its sign-in with a code from the mailbox."""

from __future__ import annotations

from dataclasses import dataclass

from fastness.accounts.db import Database
from fastness.accounts.flows.client import Client
from fastness.accounts.flows.issue import SignedIn, SignedInBrowser
from fastness.accounts.flows.login import CONFIRM
from fastness.accounts.flows.open_session import Opening, OpenSession
from fastness.accounts.flows.refusals import InvalidChallenge, InvalidFactor
from fastness.accounts.models import Work
from fastness.accounts.models.challenges import proof_of
from fastness.accounts.models.session_tokens import Form
from fastness.accounts.throttle import Throttle
from fastness.core.clock import Clock
from fastness.core.events import Event, EventType, Level, Sink


@dataclass(frozen=True, slots=True)
class ConfirmDevice:
    """The code works with the challenge of the sign-in that it was mailed for, and with no other."""

    db: Database[Work]
    throttle: Throttle
    open: OpenSession
    emit: Sink
    now: Clock

    async def for_client(self, token: str, digits: str, client: Client) -> SignedIn:
        """Tokens of the session that was asked for.

        Raises:
            InvalidChallenge: unknown, over, used, out of tries, or the account changed meanwhile.
            InvalidFactor: the code is not right.
            TooManyRequests: too many tries from this address.
            Unavailable: the database does not answer.
        """
        return self.open.tokens(await self._finish(token, digits, client, "refresh"))

    async def for_browser(self, token: str, digits: str, client: Client) -> SignedInBrowser:
        """The same, with a cookie. Raises as `for_client`."""
        return self.open.cookie(await self._finish(token, digits, client, "cookie"))

    async def _finish(self, token: str, digits: str, client: Client, form: Form) -> Opening:
        await self.throttle.by_address("code_address", client.key)
        done: Opening | None = None
        async with self.db.write() as work:
            attempt = await work.challenges.attempt(token, form=form, now=self.now())
            account = await work.users.hold(attempt.user_id) if attempt is not None else None
            if attempt is None or account is None or account.suspended or attempt.proved != proof_of(account, CONFIRM):
                raise InvalidChallenge("spent, or the account changed meanwhile")
            if await work.factors.confirmed(account.id):
                raise InvalidChallenge("a factor was added meanwhile, and stands above the mailbox")
            redeemed = await work.codes.redeem_digits(CONFIRM, token, digits, now=self.now())
            if redeemed is not None and await work.challenges.spend(token, now=self.now()):
                methods = ("pwd", "email")
                done = await self.open.within(work, account, client, device_token=None, form=form, methods=methods)
        # Only now: the try is counted in that transaction, and a refusal would roll it back.
        if done is None:
            details = {"purpose": CONFIRM, "tries_left": attempt.tries_left}
            self.emit(Event(EventType.AUTHN_CODE_FAIL, who=account.id, level=Level.WARN, details=details))
            raise InvalidFactor
        return self.open.done(done)
