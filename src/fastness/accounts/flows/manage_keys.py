"""Manage keys: people make API keys for their programs, see them, and take them back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from fastness.accounts.courier import Courier
from fastness.accounts.db import Database
from fastness.accounts.flows.client import Client
from fastness.accounts.flows.recently import Recently
from fastness.accounts.flows.refusals import KeyLivesTooLong, NoSuchKey, TooManyKeys
from fastness.accounts.letters import Letters
from fastness.accounts.models import Work
from fastness.controls.apikeys import ApiKey, ApiKeys, MintedKey
from fastness.core.clock import Clock
from fastness.core.events import Event, EventType, Level, Sink
from fastness.core.principal import Principal


@dataclass(frozen=True, slots=True)
class ManageKeys:
    """A key is made by a person who proved a few minutes ago who they are, and is told by mail.

    It can do what its maker may do and was asked for, whichever is less, and none of the routes of accounts.
    """

    db: Database[Work]
    keys: ApiKeys
    recently: Recently
    roles: Mapping[str, Iterable[str]]
    most: int
    mail: Courier
    letters: Letters
    emit: Sink
    now: Clock

    async def list(self, who: Principal) -> tuple[ApiKey, ...]:
        """The caller's keys, the oldest first."""
        async with self.db.read() as work:
            return await work.api_keys.list(who.id)

    async def make(
        self, who: Principal, name: str, scopes: Iterable[str], client: Client, *, days: int | None = None
    ) -> MintedKey:
        """A new key, shown this once.

        Raises:
            InsufficientScope: a scope is not among the caller's own permissions.
            KeyLivesTooLong: more days than the setting allows.
            TooManyKeys: the caller has as many as one may have.
            StepUpRequired: the last proof is too old, or was without the factor there is.
            InvalidToken: the account changed, or the session ended.
        """
        if days is not None and days > self.keys.days:
            raise KeyLivesTooLong(f"more than {self.keys.days}")
        async with self.db.write() as work:
            account = await self.recently(work, who)
            mine = await work.api_keys.list(who.id)
            if sum(1 for key in mine if key.expires_at is None or key.expires_at > self.now()) >= self.most:
                raise TooManyKeys
            within = self.roles.get(account.role, ())
            minted = self.keys.make(who.id, scopes=scopes, within=within, name=name, days=days)
            await work.api_keys.add(minted.record)
            hint = minted.record.hint
            letter = self.letters.key_added(account.email, at=self.now(), address=client.address, hint=hint)
            await self.mail.post(work, letter)
        self.mail.wake()
        details = {"id": minted.record.id}
        self.emit(Event(EventType.AUTHN_TOKEN_CREATED, who=who.id, reason="api key", details=details))
        return minted

    async def remove(self, who: Principal, key_id: str, client: Client) -> None:
        """Take a key back: it is refused at once here, and within a second in every worker.

        Raises:
            NoSuchKey: the caller has none with this id.
        """
        async with self.db.write() as work:
            key = await work.api_keys.remove(who.id, key_id)
            account = await work.users.by_id(who.id)
            if key is None or account is None:
                raise NoSuchKey
            letter = self.letters.key_removed(account.email, at=self.now(), address=client.address, hint=key.hint)
            await self.mail.post(work, letter)
        self.keys.forget(key_id)
        self.mail.wake()
        details = {"id": key_id, "by": "owner"}
        self.emit(Event(EventType.AUTHN_TOKEN_REVOKED, who=who.id, level=Level.WARN, reason="api key", details=details))
