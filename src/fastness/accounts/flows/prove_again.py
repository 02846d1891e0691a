"""Prove again: a signed-in caller shows once more who they are, before something that a stolen token must not do."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import SecretStr

from fastness.accounts.db import Database
from fastness.accounts.flows.refusals import WrongPassword
from fastness.accounts.models import Account, Work
from fastness.accounts.throttle import Throttle
from fastness.controls.passwords import Passwords
from fastness.core.clock import Clock
from fastness.core.errors import InvalidToken
from fastness.core.events import Event, EventType, Level, Sink
from fastness.core.principal import Principal


@dataclass(frozen=True, slots=True)
class ProveAgain:
    """Counts, then hashes, outside any transaction; `still` asks inside it whether the proof holds (ASVS 7.5.1)."""

    db: Database[Work]
    passwords: Passwords
    throttle: Throttle
    emit: Sink
    now: Clock

    async def with_password(self, who: Principal, password: SecretStr, *, to: str) -> Account:
        """The caller's account as it was when the password was right. `to` says for the log what it is for.

        Raises:
            WrongPassword: another password, or the account has none.
            TooManyRequests: too many tries.
            InvalidToken: the account is gone.
        """
        await self.throttle.by_user(who.id)
        async with self.db.read() as work:
            account = await work.users.by_id(who.id)
        match = await self.passwords.check(password, account.password_hash if account else None)
        if account is None:
            raise InvalidToken("the account is gone")
        if not match.ok:
            self.emit(Event(EventType.AUTHN_LOGIN_FAIL, who=who.id, level=Level.WARN, reason=f"wrong password to {to}"))
            raise WrongPassword
        return account

    async def still(self, work: Work, who: Principal, account: Account) -> Account:
        """The account, held in the caller's transaction, when it is still what was proved and the session lives.

        Raises:
            InvalidToken: the hash took its time, and meanwhile the account or its sessions changed.
        """
        current = await work.users.hold(who.id)
        if current is None or current.version != account.version or current.password_hash != account.password_hash:
            raise InvalidToken("the account changed meanwhile")
        if who.session is not None and await work.sessions.get(who.session, now=self.now()) is None:
            raise InvalidToken("the session ended meanwhile")
        return current
