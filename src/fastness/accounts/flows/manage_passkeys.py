"""Manage passkeys: people add, rename and remove them, after they proved again who they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fastness.accounts.courier import Courier
from fastness.accounts.db import Database
from fastness.accounts.flows.client import Client
from fastness.accounts.flows.endings import Endings, apply
from fastness.accounts.flows.manage_factors import MOST, ManageFactors
from fastness.accounts.flows.passkey_proof import session_of
from fastness.accounts.flows.recently import Recently
from fastness.accounts.flows.refusals import NoSuchFactor, TooManyFactors
from fastness.accounts.letters import Letters
from fastness.accounts.models import StoredPasskey, Work
from fastness.controls.passkeys import InvalidPasskey, Passkeys, PasskeyUser
from fastness.core.clock import Clock
from fastness.core.events import Event, EventType, Level, Sink
from fastness.core.principal import Principal


@dataclass(frozen=True, slots=True)
class Added:
    """A passkey that counts from now on; recovery codes when it is the first factor, shown once."""

    id: str
    recovery_codes: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class ManagePasskeys:
    """A passkey is a factor like the others: it is counted with them, removed like them, and told by mail."""

    db: Database[Work]
    passkeys: Passkeys
    factors: ManageFactors
    recently: Recently
    endings: Endings
    mail: Courier
    letters: Letters
    emit: Sink
    now: Clock

    async def list(self, who: Principal) -> tuple[StoredPasskey, ...]:
        """What the caller has."""
        async with self.db.read() as work:
            return await work.passkeys.list(who.id)

    async def begin(self, who: Principal) -> dict[str, Any]:
        """Options for the browser that makes a passkey; they are for this session.

        Raises:
            StepUpRequired: the last proof is too old, or was without the factor there is.
            TooManyFactors: ten of all kinds are enough.
            InvalidToken: the account is gone, or the session ended.
        """
        async with self.db.write() as work:
            account = await self.recently(work, who)
            if len(await work.factors.confirmed(who.id)) >= MOST:
                raise TooManyFactors
            held = [one.passkey for one in await work.passkeys.list(who.id)]
        user = PasskeyUser(self.passkeys.handle(who.id), account.email, account.name)
        return self.passkeys.to_register(user, bound_to=session_of(who), held=held)

    async def add(self, who: Principal, given: Mapping[str, Any], name: str, client: Client) -> Added:
        """Keep the passkey that the browser made. The other sessions end.

        Raises:
            InvalidPasskey: it is not good, some account has it, or its challenge is used, over, or of another session.
            StepUpRequired, TooManyFactors, InvalidToken: as for `begin`.
        """
        handle, bound_to, now = self.passkeys.handle(who.id), session_of(who), self.now()
        async with self.db.write() as work:
            account = await self.recently(work, who)
            held = await work.factors.confirmed(who.id)
            if len(held) >= MOST:
                raise TooManyFactors
            once = work.passkeys.spends(self.now)
            made = await self.passkeys.registered(given, user_handle=handle, bound_to=bound_to, once=once)
            added = await work.passkeys.add(who.id, made, name=name, now=now)
            if added is None:
                raise InvalidPasskey("some account has this passkey")
            codes = () if held else await work.recovery_codes.replace(who.id)
            await self.mail.post(work, self.letters.passkey_added(account.email, at=now, address=client.address))
            notices = await self.endings.others(work, who)
        apply(notices)
        self._tell(who, "passkey_added", algorithm=made.algorithm, synced=made.backup_eligible)
        return Added(added, codes)

    async def rename(self, who: Principal, passkey_id: str, name: str) -> None:
        """Call it something else.

        Raises:
            NoSuchFactor: the caller has none with this id.
        """
        async with self.db.write() as work:
            if not await work.passkeys.rename(who.id, passkey_id, name):
                raise NoSuchFactor

    async def remove(self, who: Principal, passkey_id: str, client: Client) -> None:
        """Forget it. Raises as `ManageFactors.remove`."""
        await self.factors.remove(who, passkey_id, client, kind="passkey")

    def _tell(self, who: Principal, did: str, **more: object) -> None:
        self.mail.wake()
        details = {"did": did, **more}
        self.emit(Event(EventType.AUTHN_FACTOR_CHANGE, who=who.id, level=Level.WARN, details=details))
