"""Change password: its owner gives the current one and a new one, and the other sessions end."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import SecretStr

from fastness.accounts.courier import Courier
from fastness.accounts.db import Database
from fastness.accounts.flows.client import Client
from fastness.accounts.flows.endings import Endings, apply
from fastness.accounts.flows.new_password import NewPasswords
from fastness.accounts.flows.prove_again import ProveAgain
from fastness.accounts.letters import Letters
from fastness.accounts.models import Work
from fastness.core.clock import Clock
from fastness.core.errors import InvalidToken
from fastness.core.events import Event, EventType, Sink
from fastness.core.principal import Principal


@dataclass(frozen=True, slots=True)
class ChangePassword:
    """Asks for the current password, because a stolen access token must not be enough (ASVS 6.2.3)."""

    db: Database[Work]
    prove: ProveAgain
    new: NewPasswords
    endings: Endings
    mail: Courier
    letters: Letters
    emit: Sink
    now: Clock

    async def __call__(self, who: Principal, current: SecretStr, wanted: SecretStr, client: Client) -> None:
        """Give the caller another password. This session goes on.

        Raises:
            WrongPassword: the current password is another.
            WeakPassword: of the new one.
            TooManyRequests: too many tries.
            InvalidToken: the account is gone, or its sessions ended meanwhile.
            Unavailable: too many hashes are waiting, or the database does not answer.
        """
        account = await self.prove.with_password(who, current, to="change the password")
        new_hash = await self.new.hash(wanted, context=(account.email, account.name))
        async with self.db.write() as work:
            await self.prove.still(work, who, account)
            if not await work.users.set_password_hash(account.id, new_hash, old=account.password_hash):
                raise InvalidToken("the account changed meanwhile")
            await work.codes.forget(account.id)
            await work.devices.distrust_all(account.id)
            letter = self.letters.password_changed(account.email, at=self.now(), address=client.address)
            await self.mail.post(work, letter)
            notices = await self.endings.others(work, who)
        apply(notices)
        self.mail.wake()
        self.emit(Event(EventType.AUTHN_PASSWORD_CHANGE, who=who.id, details={"by": "owner"}))
