"""Profile: what people see and change about themselves."""

from __future__ import annotations

from dataclasses import dataclass

from fastness.accounts.db import Database
from fastness.accounts.models import Account, Work
from fastness.core.errors import InvalidToken
from fastness.core.events import Event, EventType, Sink
from fastness.core.principal import Principal


@dataclass(frozen=True, slots=True)
class Profile:
    """Reads and renames the caller's own account, found by the token's subject and by nothing in the request."""

    db: Database[Work]
    emit: Sink

    async def show(self, who: Principal) -> tuple[Account, str | None]:
        """The caller's account, and the user name.

        Raises:
            InvalidToken: the account is gone.
        """
        async with self.db.read() as work:
            return _there(await work.users.by_id(who.id)), await work.usernames.of(who.id)

    async def rename(self, who: Principal, name: str) -> tuple[Account, str | None]:
        """Give the caller another name.

        Raises:
            InvalidToken: the account is gone.
        """
        async with self.db.write() as work:
            account = await work.users.rename(who.id, name)
            username = await work.usernames.of(who.id)
        self.emit(Event(EventType.USER_UPDATED, who=who.id, details={"fields": ["name"]}))
        return _there(account), username


def _there(account: Account | None) -> Account:
    if account is None:
        raise InvalidToken("the account is gone")
    return account
