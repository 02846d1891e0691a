"""Passkey proof: options for an account that is known, and whether an answer is good for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from fastness.accounts.flows.refusals import NoSuchFactor
from fastness.accounts.models import StoredPasskey, Work
from fastness.controls.passkeys import InvalidPasskey, Passkeys
from fastness.controls.passkeys.answers import Answer
from fastness.core.clock import Clock
from fastness.core.principal import Principal


@dataclass(frozen=True, slots=True)
class Ceremony:
    """What a passkey is used for. An answer for one is none for another."""

    purpose: Literal["login", "mfa", "reauthenticate"]
    bound_to: str
    """The flow, the challenge or the session that asked."""
    verified: bool = True
    """Whether the authenticator must know its owner."""


@dataclass(frozen=True, slots=True)
class PasskeyProof:
    """The signature is checked, the challenge spent and the counter advanced, each by one statement of one transaction."""

    passkeys: Passkeys
    now: Clock

    def in_sign_in(self, mfa_token: str) -> Ceremony:
        """The second factor of a sign-in: the password is the other one."""
        return Ceremony("mfa", mfa_token, verified=self._verified)

    def in_session(self, who: Principal) -> Ceremony:
        """A step-up. Where no password opened the session, the passkey is all there is."""
        return Ceremony("reauthenticate", session_of(who), verified=self._verified or "pwd" not in who.methods)

    async def options(self, work: Work, user_id: str, ceremony: Ceremony) -> dict[str, Any]:
        """For the browser, with the passkeys of this account.

        Raises:
            NoSuchFactor: it has none.
        """
        held = [one.passkey for one in await work.passkeys.list(user_id)]
        if not held:
            raise NoSuchFactor
        return self.passkeys.to_prove(
            ceremony.purpose, bound_to=ceremony.bound_to, held=held, verified=ceremony.verified
        )

    async def accept(
        self, work: Work, user_id: str, given: Mapping[str, Any], ceremony: Ceremony
    ) -> tuple[str, ...] | None:
        """Which methods an answer proves (RFC 8176), or None. Call it in a transaction that holds the account."""
        try:
            answer = self.passkeys.read(given, ceremony.purpose, bound_to=ceremony.bound_to)
            stored = await work.passkeys.find(answer.id)
            if stored is None or stored.user_id != user_id:
                return None
            return await self.use(work, answer, stored, ceremony)
        except InvalidPasskey:
            return None

    async def use(self, work: Work, answer: Answer, stored: StoredPasskey, ceremony: Ceremony) -> tuple[str, ...]:
        """The same for a passkey that was found.

        Raises:
            InvalidPasskey: the answer is not good. What was spent is spent: commit.
        """
        passkeys, once = self.passkeys, work.passkeys.spends(self.now)
        proved = await passkeys.proved(
            answer,
            stored.passkey,
            ceremony.purpose,
            bound_to=ceremony.bound_to,
            once=once,
            verified=ceremony.verified,
            who=stored.user_id,
        )
        backwards = passkeys.settings.counter == "report"
        if not await work.passkeys.advance(stored, proved.passkey, now=self.now(), backwards=backwards):
            passkeys.regressed(stored.passkey, who=stored.user_id)
        return proved.methods

    @property
    def _verified(self) -> bool:
        return self.passkeys.settings.user_verification == "required"


def session_of(who: Principal) -> str:
    """What a challenge of a signed-in caller is bound to."""
    return f"{who.session or ''} {who.id}"
