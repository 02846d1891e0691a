"""Choose user name: a second name to sign in with, which nobody else has and nobody could take for somebody else's."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from fastness.accounts.courier import Courier
from fastness.accounts.db import Database
from fastness.accounts.flows.client import Client
from fastness.accounts.flows.recently import Recently
from fastness.accounts.flows.refusals import NoUsernames, UsernameNotAvailable
from fastness.accounts.letters import Letters
from fastness.accounts.models import UsernameTaken, Work
from fastness.accounts.settings import AccountSettings
from fastness.accounts.throttle import Throttle
from fastness.controls.fields import canonical_username
from fastness.core.clock import Clock
from fastness.core.events import Event, EventType, Level, Sink
from fastness.core.principal import Principal

_RESERVED = """
    abuse account accounts admin administrator administrators anonymous api auth billing contact everyone fastness guest
    help helpdesk hostmaster info login logout mail me mod moderator nobody noreply null official operator owner postmaster
    profile register root security settings signin signup staff super superadmin superuser support sysadmin system team
    undefined user username users webmaster www
"""


@dataclass(frozen=True, slots=True)
class ChooseUsername:
    """Taken and reserved names get one answer. The name changes how its owner signs in, so he is told by mail."""

    db: Database[Work]
    recently: Recently
    throttle: Throttle
    mail: Courier
    letters: Letters
    settings: AccountSettings
    emit: Sink
    now: Clock

    async def __call__(self, who: Principal, username: str, client: Client) -> str:
        """Give the caller this name, in the place of the one there is.

        Raises:
            UsernameNotAvailable: somebody has it, or nobody may.
            NoUsernames: people do not sign in with one here.
            StepUpRequired: the last proof is too old, or was without the factor there is.
            TooManyRequests: the caller tried too many names.
            InvalidToken: the account changed, or the session ended.
        """
        refuse_reserved(username, self.settings)
        await self.throttle.by_address("username", f"id\0{who.id}")
        canonical = canonical_username(username)
        try:
            async with self.db.write() as work:
                account = await self.recently(work, who)
                await work.usernames.put(who.id, username, canonical)
                letter = self.letters.username_changed(account.email, at=self.now(), address=client.address)
                await self.mail.post(work, letter)
        except UsernameTaken:
            raise UsernameNotAvailable("taken") from None
        self.mail.wake()
        self.emit(Event(EventType.USER_UPDATED, who=who.id, level=Level.WARN, details={"fields": ["username"]}))
        return username


def refuse_reserved(username: str, settings: AccountSettings) -> None:
    """Whether anybody may have this name.

    Raises:
        UsernameNotAvailable: it is reserved, or looks like a name that is.
        NoUsernames: people do not sign in with one here.
    """
    if "username" not in settings.login_by:
        raise NoUsernames
    forms = _canonical((username, username.replace("1", "i")))  # a one passes for either letter
    if not forms.isdisjoint(_canonical((*_RESERVED.split(), *settings.reserved_usernames))):
        raise UsernameNotAvailable("reserved")


def _canonical(names: Iterable[str]) -> frozenset[str]:
    return frozenset(map(canonical_username, names))
