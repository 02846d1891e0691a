"""Manage users: administrators list, read, change, suspend and delete accounts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from fastness.accounts.courier import Courier
from fastness.accounts.db import Database
from fastness.accounts.flows.endings import Endings, apply
from fastness.accounts.flows.refusals import AboveYou, LastAdministrator, NoSuchUser, UnknownRole
from fastness.accounts.letters import Letters
from fastness.accounts.models import Account, AccountPage, LastAdmin, Work
from fastness.accounts.revocation import Notice, RevocationFeed
from fastness.core.clock import Clock
from fastness.core.events import Event, EventType, Level, Sink
from fastness.core.principal import Principal

_TOP = "super_admin"


@dataclass(frozen=True, slots=True)
class ManageUsers:
    """Every change ends the tokens that say otherwise, and the last active administrator stays (ASVS 8.2.1).

    Routes let only administrators in; this flow adds what depends on the target: a super_admin is out of reach for
    an admin, who could otherwise make himself one.
    """

    db: Database[Work]
    revocation: RevocationFeed
    endings: Endings
    mail: Courier
    letters: Letters
    roles: Mapping[str, Sequence[str]]
    reset_ends_keys: bool
    emit: Sink
    now: Clock

    async def page(self, *, limit: int, page: int, after: str | None, search: str | None) -> AccountPage:
        """One page, by number or after a cursor; `search` is a prefix of an address or name, in any case."""
        # Canonical addresses are in lower case; names are folded where they are searched.
        search = search.lower() if search is not None else None
        async with self.db.read() as work:
            return await work.users.page(limit=limit, page=page, after=after, search=search)

    async def get(self, user_id: str) -> Account:
        """One account.

        Raises:
            NoSuchUser: there is none with this id.
        """
        async with self.db.read() as work:
            return _there(await work.users.by_id(user_id))

    async def change(self, by: Principal, user_id: str, *, name: str | None, role: str | None) -> Account:
        """Set the name, the role or both.

        Raises:
            UnknownRole: the role is not configured.
            AboveYou: it takes or gives super_admin.
            LastAdministrator, NoSuchUser
        """
        if role is not None and role not in self.roles:
            raise UnknownRole
        notice: Notice | None = None
        async with self.db.write() as work:
            before = account = await self._reachable(work, by, user_id, role=role)
            if role is not None and role != account.role:
                account = _kept(await work.users.set_role(user_id, role, now=self.now()))
                notice = await self.revocation.require_version(work, user_id, account.version)
            if name is not None and name != account.name:
                account = _there(await work.users.rename(user_id, name))
        if notice is not None:
            notice.apply()
            details = {"by": by.id, "from": before.role, "to": account.role}
            self.emit(Event(EventType.AUTHZ_CHANGE, who=user_id, level=Level.WARN, details=details))
        if name is not None:
            self.emit(Event(EventType.USER_UPDATED, who=user_id, details={"by": by.id, "fields": ["name"]}))
        return account

    async def suspend(self, by: Principal, user_id: str) -> Account:
        """End the account's sessions and let it sign in no more; its owner can take no deletion back.

        Raises:
            AboveYou, LastAdministrator, NoSuchUser
        """
        async with self.db.write() as work:
            await self._reachable(work, by, user_id)
            account = _kept(await work.users.suspend(user_id, now=self.now()))
            await work.deletions.bar(user_id)
            await work.sessions.close_all(user_id, now=self.now())
            notice = await self.revocation.require_version(work, user_id, account.version)
        notice.apply()
        self._tell(by, user_id, "suspend")
        return account

    async def unsuspend(self, by: Principal, user_id: str) -> Account:
        """Let the account sign in again; a deletion that its owner asked for is off.

        Raises:
            AboveYou, NoSuchUser
        """
        async with self.db.write() as work:
            await self._reachable(work, by, user_id)
            account = _kept(await work.users.unsuspend(user_id, now=self.now()))
            await work.deletions.drop(user_id)
        self._tell(by, user_id, "unsuspend")
        return account

    async def end_sessions(self, by: Principal, user_id: str) -> None:
        """Sign the account out everywhere.

        Raises:
            AboveYou, NoSuchUser
        """
        async with self.db.write() as work:
            await self._reachable(work, by, user_id)
            notices = await self.endings.all(work, user_id)
        apply(notices)
        self._tell(by, user_id, "end_sessions")

    async def force_reset(self, by: Principal, user_id: str) -> None:
        """Let the password work no more, sign the account out everywhere, keys too, and mail its owner what to do.

        Raises:
            AboveYou, NoSuchUser
        """
        async with self.db.write() as work:
            await self._reachable(work, by, user_id)
            account = _there(await work.users.forget_password(user_id))
            await work.codes.forget(user_id)
            keys = await work.api_keys.remove_all(user_id) if self.reset_ends_keys else ()
            notices = await self.endings.all(work, user_id)
            await self.mail.post(work, self.letters.password_forced(account.email, keys=len(keys)))
        apply(notices)
        self.mail.wake()
        self._tell(by, user_id, "force_reset")
        for key in keys:
            details = {"id": key, "by": by.id}
            self.emit(
                Event(EventType.AUTHN_TOKEN_REVOKED, who=user_id, level=Level.WARN, reason="api key", details=details)
            )

    async def reset_factors(self, by: Principal, user_id: str) -> None:
        """Take every second factor and recovery code away, sign the account out everywhere, and tell its owner.

        Raises:
            AboveYou, NoSuchUser
        """
        async with self.db.write() as work:
            account = await self._reachable(work, by, user_id)
            await work.users.hold(user_id)
            await work.factors.remove_all(user_id)
            await work.recovery_codes.forget(user_id)
            await work.devices.distrust_all(user_id)
            notices = await self.endings.all(work, user_id)
            await self.mail.post(work, self.letters.factor_removed(account.email, at=self.now()))
        apply(notices)
        self.mail.wake()
        self._tell(by, user_id, "reset_factors")

    async def delete(self, by: Principal, user_id: str) -> None:
        """Remove the account and everything that hangs on it.

        Raises:
            AboveYou, LastAdministrator, NoSuchUser
        """
        async with self.db.write() as work:
            await self._reachable(work, by, user_id)
            deleted = _kept(await work.users.delete(user_id))
            notice = await self.revocation.gone(work, deleted.account)
        notice.apply()
        self.emit(Event(EventType.USER_DELETED, who=user_id, level=Level.WARN, details={"by": by.id}))

    def _tell(self, by: Principal, user_id: str, did: str) -> None:
        self.emit(Event(EventType.AUTHZ_ADMIN, who=user_id, level=Level.WARN, details={"by": by.id, "did": did}))

    async def _reachable(self, work: Work, by: Principal, user_id: str, *, role: str | None = None) -> Account:
        account = _there(await work.users.by_id(user_id))
        if _TOP in {account.role, role} and _TOP not in by.roles:
            raise AboveYou(f"{by.id} is no {_TOP}")
        return account


def _there(account: Account | None) -> Account:
    if account is None:
        raise NoSuchUser
    return account


T = TypeVar("T")


def _kept(outcome: T | LastAdmin | None) -> T:
    if outcome is None:
        raise NoSuchUser
    if isinstance(outcome, LastAdmin):
        raise LastAdministrator
    return outcome
