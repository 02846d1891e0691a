"""Recently: what a stolen token must not do needs a proof of the last minutes, with the factor where there is one."""

from __future__ import annotations

from dataclasses import dataclass

from fastness.accounts.models import Account, Work
from fastness.core.clock import Clock
from fastness.core.errors import InvalidToken, StepUpRequired
from fastness.core.principal import Principal


@dataclass(frozen=True, slots=True)
class Recently:
    """Asked inside the transaction of the change (ASVS 7.5.1)."""

    seconds: int
    now: Clock

    async def __call__(self, work: Work, who: Principal) -> Account:
        """The caller's account, held.

        Raises:
            StepUpRequired: the last proof is too old, or was without the factor there is.
            InvalidToken: the account changed or is gone, the session ended, or the caller has none: an API key.
        """
        account = await work.users.hold(who.id)
        if account is None or account.suspended or account.version != who.version:
            raise InvalidToken("the account changed meanwhile")
        if who.session is None or await work.sessions.get(who.session, now=self.now()) is None:
            raise InvalidToken("the session ended meanwhile")
        has_factor = bool(await work.factors.confirmed(who.id))
        if self.now() - who.authenticated_at > self.seconds or (has_factor and "mfa" not in who.methods):
            raise StepUpRequired(max_age=self.seconds, mfa=has_factor)
        return account
