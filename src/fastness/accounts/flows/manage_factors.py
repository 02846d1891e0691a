"""Manage factors: people add and remove second factors, after they proved again who they are."""

from __future__ import annotations

from dataclasses import dataclass

from fastness.accounts.courier import Courier
from fastness.accounts.db import Database
from fastness.accounts.flows.client import Client
from fastness.accounts.flows.endings import Endings, apply
from fastness.accounts.flows.factor_proof import Enrolment, FactorProof
from fastness.accounts.flows.recently import Recently
from fastness.accounts.flows.refusals import InvalidFactor, LastWayIn, NoSuchFactor, TooManyFactors
from fastness.accounts.letters import Letters
from fastness.accounts.models import Factor, Work
from fastness.accounts.models.factors import Kind
from fastness.accounts.throttle import Throttle
from fastness.core.clock import Clock
from fastness.core.events import Event, EventType, Level, Sink
from fastness.core.principal import Principal

MOST = 10
"""Factors of one account."""


@dataclass(frozen=True, slots=True)
class Held:
    """The factors of an account, and how many recovery codes are left."""

    factors: tuple[Factor, ...]
    recovery_codes: int


@dataclass(frozen=True, slots=True)
class ManageFactors:
    """Each change needs a sign-in or a step-up of the last minutes, with a factor where there is one (ASVS 7.5.1).

    It ends the other sessions and is told by mail.
    """

    db: Database[Work]
    proof: FactorProof
    throttle: Throttle
    endings: Endings
    mail: Courier
    letters: Letters
    recently: Recently
    emit: Sink
    now: Clock

    async def list(self, who: Principal) -> Held:
        """What the caller has."""
        async with self.db.read() as work:
            return Held(await work.factors.confirmed(who.id), await work.recovery_codes.left(who.id))

    async def begin_totp(self, who: Principal, name: str) -> Enrolment:
        """A new seed, for the caller's app; it counts once `confirm` had a code of it.

        Raises:
            StepUpRequired: the last proof is too old, or was without the factor there is.
            TooManyFactors: ten is enough.
            InvalidToken: the account is gone, or the session ended.
        """
        async with self.db.write() as work:
            account = await self.recently(work, who)
            if len(await work.factors.confirmed(who.id)) >= MOST:
                raise TooManyFactors
            return await self.proof.enrol(work, account, name)

    async def confirm(self, who: Principal, factor_id: str, code: str, client: Client) -> tuple[str, ...]:
        """Let the factor count: recovery codes with the first one, shown once, else none.

        Raises:
            InvalidFactor: the code is not right, or was used before.
            NoSuchFactor: the caller has none with this id that waits.
            StepUpRequired, TooManyRequests, InvalidToken: as for `begin_totp`.
        """
        await self.throttle.by_factor(who.id)
        async with self.db.write() as work:
            account = await self.recently(work, who)
            every = await work.factors.list(who.id)
            factor = next((one for one in every if one.id == factor_id and one.confirmed_at is None), None)
            if factor is None:
                raise NoSuchFactor
            if not await self.proof.code_of(work, factor, code):
                raise InvalidFactor
            await work.factors.confirm(who.id, factor_id, now=self.now())
            first = all(one.confirmed_at is None for one in every)
            codes = await work.recovery_codes.replace(who.id) if first else ()
            await self.mail.post(work, self.letters.factor_added(account.email, at=self.now(), address=client.address))
            notices = await self.endings.others(work, who)
        apply(notices)
        await self.throttle.forgive_factor(who.id)
        self._tell(who, "added")
        return codes

    async def remove(self, who: Principal, factor_id: str, client: Client, *, kind: Kind | None = None) -> None:
        """Forget one factor, of this kind when one is given; with the last one the recovery codes go too.

        Raises:
            NoSuchFactor: the caller has none with this id.
            LastWayIn: it is the last passkey of an account without a password.
            StepUpRequired, InvalidToken: as for `begin_totp`.
        """
        async with self.db.write() as work:
            account = await self.recently(work, who)
            removed = await work.factors.remove(who.id, factor_id)
            if removed is None or (kind is not None and removed.kind != kind):
                raise NoSuchFactor  # and what was removed comes back
            if removed.kind == "passkey" and account.password_hash is None and not await work.passkeys.list(who.id):
                raise LastWayIn
            if not await work.factors.confirmed(who.id):
                await work.recovery_codes.forget(who.id)
            await work.devices.distrust_all(who.id)
            write = self.letters.passkey_removed if removed.kind == "passkey" else self.letters.factor_removed
            await self.mail.post(work, write(account.email, at=self.now(), address=client.address))
            notices = await self.endings.others(work, who)
        apply(notices)
        self._tell(who, "removed")

    async def new_recovery_codes(self, who: Principal, client: Client) -> tuple[str, ...]:
        """Ten new codes in the place of what is left.

        Raises:
            NoSuchFactor: there is no factor that they would stand for.
            StepUpRequired, InvalidToken: as for `begin_totp`.
        """
        async with self.db.write() as work:
            account = await self.recently(work, who)
            if not await work.factors.confirmed(who.id):
                raise NoSuchFactor
            codes = await work.recovery_codes.replace(who.id)
            letter = self.letters.recovery_codes_made(account.email, at=self.now(), address=client.address)
            await self.mail.post(work, letter)
        self._tell(who, "recovery_codes")
        return codes

    def _tell(self, who: Principal, did: str) -> None:
        self.mail.wake()
        self.emit(Event(EventType.AUTHN_FACTOR_CHANGE, who=who.id, level=Level.WARN, details={"did": did}))
