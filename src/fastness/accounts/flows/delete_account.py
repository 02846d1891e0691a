"""Delete account: its owner, with the password, removes it and everything that hangs on it."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import SecretStr

from fastness.accounts.db import Database
from fastness.accounts.flows.prove_again import ProveAgain
from fastness.accounts.flows.refusals import LastAdministrator
from fastness.accounts.models import Deleted, LastAdmin, Work
from fastness.accounts.revocation import RevocationFeed
from fastness.core.errors import InvalidToken
from fastness.core.events import Event, EventType, Sink
from fastness.core.principal import Principal


@dataclass(frozen=True, slots=True)
class DeleteAccount:
    """Asks for the password again, because a stolen access token must not be enough (ASVS 7.5.1)."""

    db: Database[Work]
    prove: ProveAgain
    revocation: RevocationFeed
    emit: Sink

    async def __call__(self, who: Principal, password: SecretStr) -> None:
        """Delete the caller's account, its sessions, codes and devices.

        Raises:
            WrongPassword: another password.
            TooManyRequests: too many tries.
            LastAdministrator: nobody else could manage users.
            InvalidToken: the account is gone, or its sessions ended meanwhile.
        """
        account = await self.prove.with_password(who, password, to="delete the account")
        async with self.db.write() as work:
            await self.prove.still(work, who, account)
            outcome = await work.users.delete(who.id)
            notice = await self.revocation.gone(work, outcome.account) if isinstance(outcome, Deleted) else None
        if isinstance(outcome, LastAdmin):
            raise LastAdministrator
        if notice is None:
            raise InvalidToken("the account is gone")
        notice.apply()
        self.emit(Event(EventType.USER_DELETED, who=who.id, details={"by": "owner"}))
