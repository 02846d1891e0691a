"""Factor proof: whether a code, recovery code or passkey is good for an account, decided by the statement that spends it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fastness.accounts.courier import Courier
from fastness.accounts.flows.client import Client
from fastness.accounts.flows.passkey_proof import Ceremony, PasskeyProof
from fastness.accounts.letters import Letters
from fastness.accounts.models import Account, Factor, Work
from fastness.accounts.settings import AccountSettings
from fastness.controls import totp
from fastness.controls.sealing import BrokenSeal, Sealer
from fastness.core.clock import Clock
from fastness.core.events import Event, EventType, Level, Sink


@dataclass(frozen=True, slots=True)
class Given:
    """What a caller gave: a code of an authenticator app, one recovery code, or a passkey's answer."""

    code: str | None = field(default=None, repr=False)
    recovery_code: str | None = field(default=None, repr=False)
    passkey: Mapping[str, Any] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Enrolment:
    """A factor that waits for its first code. Shown once."""

    id: str
    secret: str = field(repr=False)
    uri: str = field(repr=False)

    @property
    def qr_svg(self) -> str:
        """The link as a QR code."""
        return totp.qr(self.uri)


@dataclass(frozen=True, slots=True)
class FactorProof:
    """The seed is opened, the code compared, and its step spent once; a used one looks like a wrong one."""

    sealer: Sealer
    passkeys: PasskeyProof
    mail: Courier
    letters: Letters
    settings: AccountSettings
    service: str
    emit: Sink
    now: Clock

    async def accept(
        self, work: Work, account: Account, given: Given, client: Client, ceremony: Ceremony
    ) -> tuple[str, ...] | None:
        """Which methods this proves (RFC 8176), or None. Call it in a transaction that holds the account.

        `ceremony` is what a passkey must have been asked for.
        """
        if given.passkey is not None:
            return await self.passkeys.accept(work, account.id, given.passkey, ceremony)
        if given.code is not None:
            for factor in await work.factors.confirmed(account.id):
                if factor.kind == "totp" and await self.code_of(work, factor, given.code):
                    return ("otp",)
            return None
        now = self.now()
        if given.recovery_code is None or not await work.recovery_codes.spend(account.id, given.recovery_code, now=now):
            return None
        left = await work.recovery_codes.left(account.id)
        letter = self.letters.recovery_code_used(account.email, at=now, address=client.address, left=left)
        await self.mail.post(work, letter)
        return ("recovery_code",)

    async def enrol(self, work: Work, account: Account, name: str) -> Enrolment:
        """A new seed for the app of an account that the caller holds; it does not count yet."""
        seed, factor = totp.new_seed(), work.factors.new_id()
        sealed = self.sealer.seal(seed, bound_to=factor.encode())
        await work.factors.add(account.id, id=factor, kind="totp", name=name, sealed=sealed, now=self.now())
        uri = totp.uri(seed, issuer=self.service, account=account.email)
        return Enrolment(factor, totp.spelled(seed), uri)

    async def accept_first(self, work: Work, account: Account, given: Given, client: Client) -> tuple[str, ...] | None:
        """The same as `accept` for an account without a factor: the first code of the one it enrols counts."""
        factors = await work.factors.list(account.id)
        # Whoever knows the password alone may have begun to enrol an app before the owner added a factor.
        if given.code is None or any(factor.confirmed_at is not None for factor in factors):
            return None
        for factor in factors:
            if await self.code_of(work, factor, given.code):
                now = self.now()
                await work.factors.confirm(account.id, factor.id, now=now)
                await self.mail.post(work, self.letters.factor_added(account.email, at=now, address=client.address))
                return ("otp",)
        return None

    async def code_of(self, work: Work, factor: Factor, code: str) -> bool:
        """Whether this is the factor's code now and was not used before; it is from then on."""
        try:
            seed = self.sealer.open(factor.sealed, bound_to=factor.id.encode())
        except BrokenSeal:
            details = {"factor": factor.id}
            self.emit(Event(EventType.CRYPT_DECRYPT_FAIL, who=factor.user_id, level=Level.CRITICAL, details=details))
            return False
        now = self.now()
        step = totp.match(seed, code, now=now, skew=self.settings.mfa.totp_skew)
        return step is not None and await work.factors.use_step(factor.user_id, factor.id, step, now=now)
