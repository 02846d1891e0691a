"""Delete account: its owner shuts it at once, and for some days can take that back; then everything of it goes."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import SecretStr

from fastness.accounts.courier import Courier
from fastness.accounts.db import Database
from fastness.accounts.flows.client import Client
from fastness.accounts.flows.prove_again import ProveAgain
from fastness.accounts.flows.recently import Recently
from fastness.accounts.flows.refusals import LastAdministrator
from fastness.accounts.flows.verify_email import DAY
from fastness.accounts.letters import Letters
from fastness.accounts.models import Account, Deleted, LastAdmin, Work
from fastness.accounts.revocation import Notice, RevocationFeed
from fastness.core.clock import Clock
from fastness.core.errors import InvalidToken
from fastness.core.events import Event, EventType, Level, Sink
from fastness.core.principal import Principal


@dataclass(frozen=True, slots=True)
class DeleteAccount:
    """Asks for a proof, because a stolen access token must not be enough (ASVS 7.5.1).

    Meanwhile the account is suspended: no channel lets it in, and its address stays its own.
    """

    db: Database[Work]
    prove: ProveAgain
    recently: Recently
    revocation: RevocationFeed
    days: int
    mail: Courier
    letters: Letters
    emit: Sink
    now: Clock

    async def __call__(self, who: Principal, password: SecretStr | None, client: Client) -> None:
        """Shut the caller's account and end its sessions and keys; delete it after the days of grace, or at once.

        Raises:
            WrongPassword: another password.
            StepUpRequired: no password, and the last proof is too old or was without the factor there is.
            TooManyRequests: too many tries.
            LastAdministrator: nobody else could manage users.
            InvalidToken: the account is gone, or its sessions ended meanwhile.
        """
        proved = None if password is None else await self.prove.with_password(who, password, to="delete the account")
        async with self.db.write() as work:
            await work.users.hold_admins()
            if proved is None:
                account = await self.recently(work, who)
            else:
                account = await self.prove.still(work, who, proved)
            notice = await (self._shut(work, account, client) if self.days else self._gone(work, account, client))
        notice.apply()
        self.mail.wake()
        if self.days:
            self.emit(Event(EventType.USER_UPDATED, who=who.id, level=Level.WARN, details={"deletion": "asked for"}))
        else:
            self.emit(Event(EventType.USER_DELETED, who=who.id, details={"by": "owner"}))

    async def _shut(self, work: Work, account: Account, client: Client) -> Notice:
        now, until = self.now(), self.now() + self.days * DAY
        shut = await work.users.suspend(account.id, now=now)
        if isinstance(shut, LastAdmin):
            raise LastAdministrator
        if shut is None:
            raise InvalidToken("the account is gone")
        await work.deletions.put(account.id, now=now, due=until)
        await work.codes.forget(account.id)
        await work.sessions.close_all(account.id, now=now)
        letter = self.letters.deletion_asked(account.email, at=now, address=client.address, until=until)
        await self.mail.post(work, letter)
        return await self.revocation.require_version(work, account.id, shut.version)

    async def _gone(self, work: Work, account: Account, client: Client) -> Notice:
        outcome = await work.users.delete(account.id)
        if isinstance(outcome, LastAdmin):
            raise LastAdministrator
        if not isinstance(outcome, Deleted):
            raise InvalidToken("the account is gone")
        letter = self.letters.account_deleted(account.email, at=self.now(), address=client.address)
        await self.mail.post(work, letter)
        return await self.revocation.gone(work, outcome.account)


async def purge_deleted(db: Database[Work], *, now: float, emit: Sink, most: int = 100) -> int:
    """Delete accounts whose time to take it back is over, each in a transaction of its own: how many. Repeat until none.

    No token of them is alive: each was suspended for a day at least. `fastness db purge` and the service's own purge call
    this.
    """
    async with db.read() as work:
        due = await work.deletions.due(now=now, most=most)
    count = 0
    for user_id in due:
        async with db.write() as work:
            await work.users.hold_admins()
            held = await work.users.hold(user_id)
            gone = held is not None and await work.deletions.take(user_id, now=now)
            gone = gone and isinstance(await work.users.delete(user_id), Deleted)
        if gone:
            count += 1
            emit(Event(EventType.USER_DELETED, who=user_id, details={"by": "owner"}))
    return count
