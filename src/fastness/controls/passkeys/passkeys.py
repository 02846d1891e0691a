"""Passkeys of one site: options for the browser, and what its answers are worth."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import Any

from fastness.controls.passkeys.answers import Answer
from fastness.controls.passkeys.challenges import Challenges, Once
from fastness.controls.passkeys.passkey import CounterRegressed, InvalidPasskey, Passkey, PasskeyUser, Proved
from fastness.controls.passkeys.relying_party import NUMBERS, RelyingParty
from fastness.controls.passkeys.settings import PasskeySettings
from fastness.core.clock import Clock, wall
from fastness.core.declare import provides
from fastness.core.events import Event, EventType, Level, Sink, silent
from fastness.core.keys import KeyRing

_REGISTER, _USE = "create", "get "  # no purpose of a caller's is the first


@provides("passkeys")
class Passkeys:
    """WebAuthn with the checks that the standard leaves to the site. It keeps no state: passkeys are the caller's.

    Args:
        settings: `rp_id` must be set; `settings.at(public_url)` does it.
        ring: challenges and user handles are made with its keys.

    Raises:
        MissingExtra: fido2 is not installed.
        ValueError: there is no `rp_id`.
    """

    def __init__(self, settings: PasskeySettings, ring: KeyRing, *, emit: Sink = silent, now: Clock = wall) -> None:
        if not settings.rp_id:
            raise ValueError("passkeys belong to a domain: set rp_id")
        self.settings = settings
        self._site = RelyingParty(settings)
        self._challenges = Challenges(ring, seconds=settings.challenge_seconds, now=now)
        self._handles = ring.current("passkeys.user")
        self._emit = emit

    def handle(self, user_id: str) -> bytes:
        """What authenticators know an account by: 32 bytes that tell nothing. Kept with each passkey, it outlives its key."""
        return hmac.digest(self._handles, user_id.encode("utf-8", "surrogatepass"), hashlib.sha256)

    def to_register(self, user: PasskeyUser, *, bound_to: str, held: Sequence[Passkey] = ()) -> dict[str, Any]:
        """`PublicKeyCredentialCreationOptionsJSON` for a new passkey that can sign in by itself.

        `bound_to` names the session that asks; an answer counts for the same one only. `held` are the user's other passkeys.
        """
        verified = self.settings.user_verification
        return {
            "rp": {"id": self.settings.rp_id, "name": self.settings.rp_name or self.settings.rp_id},
            "user": {
                "id": _spelled(user.handle),
                "name": user.name,
                "displayName": user.display_name or user.name,
            },
            "challenge": _spelled(self._challenges.new(_REGISTER, bound_to)),
            "pubKeyCredParams": [{"type": "public-key", "alg": NUMBERS[name]} for name in self.settings.algorithms],
            "timeout": self.settings.challenge_seconds * 1000,
            "excludeCredentials": _descriptors(held),
            "authenticatorSelection": {
                "residentKey": verified,
                "requireResidentKey": verified == "required",
                "userVerification": verified,
            },
            "attestation": "none",
        }

    def to_prove(
        self, purpose: str, *, bound_to: str, held: Sequence[Passkey] = (), verified: bool = True
    ) -> dict[str, Any]:
        """`PublicKeyCredentialRequestOptionsJSON` for one purpose of yours, as in "login".

        Without `held` the person chooses an account in the browser: nobody has to say who they are, and nothing is told.
        """
        return {
            "challenge": _spelled(self._challenges.new(_USE + purpose, bound_to)),
            "timeout": self.settings.challenge_seconds * 1000,
            "rpId": self.settings.rp_id,
            "allowCredentials": _descriptors(held),
            "userVerification": "required" if verified else "preferred",
        }

    async def registered(self, given: Mapping[str, Any], *, user_handle: bytes, bound_to: str, once: Once) -> Passkey:
        """The new passkey in a browser's answer, to be stored. Refuse an `id` that any account has.

        Raises:
            InvalidPasskey: it is not good, or its challenge is used, over, or somebody else's.
        """
        answer = self._site.new(given)
        self._challenges.check(answer.challenge, _REGISTER, bound_to)
        verified = self.settings.user_verification == "required"
        made = self._site.made(answer, user_handle=user_handle, verified=verified)
        await self._challenges.spend(answer.challenge, _REGISTER, bound_to, once)
        return made

    def read(self, given: Mapping[str, Any], purpose: str, *, bound_to: str, named: bool = False) -> Answer:
        """A browser's answer to `to_prove`: its `id` says which passkey to look for. It proves nothing yet.

        `named`: it must name its user, as it does where the person chose an account in the browser.

        Raises:
            InvalidPasskey: it has not the form of one, or its challenge is over, or somebody else's.
        """
        answer = self._site.use(given)
        self._challenges.check(answer.challenge, _USE + purpose, bound_to)
        if named and answer.user_handle is None:
            raise InvalidPasskey("it names no user")
        return answer

    async def proved(
        self,
        answer: Answer,
        held: Passkey,
        purpose: str,
        *,
        bound_to: str,
        once: Once,
        verified: bool = True,
        who: str | None = None,
    ) -> Proved:
        """That the holder of a passkey is there. Store what comes back in the place of `held`, if it still counts on.

        `verified`: the authenticator must have known its owner, which signing in without a password needs. `who` is for the
        event.

        Raises:
            InvalidPasskey: it is not good, or its challenge is used, over, or somebody else's.
            CounterRegressed: it counted backwards, and `counter` is "refuse".
        """
        if answer.id != held.id:
            raise InvalidPasskey("another passkey")
        proved = self._site.used(answer, held, verified=verified)
        await self._challenges.spend(answer.challenge, _USE + purpose, bound_to, once)
        if not counts_on(held.sign_count, proved.passkey.sign_count):
            self.regressed(held, who=who)
        return proved

    def regressed(self, held: Passkey, *, who: str | None = None) -> None:
        """Tell that a passkey counted backwards.

        Raises:
            CounterRegressed: `counter` is "refuse".
        """
        refused = self.settings.counter == "refuse"
        details = {"passkey": hashlib.sha256(held.id).hexdigest()[:16], "refused": refused}
        self._emit(Event(EventType.AUTHN_FACTOR_CLONED, who=who, level=Level.CRITICAL, details=details))
        if refused:
            raise CounterRegressed("the passkey counted backwards")


def counts_on(held: int, said: int) -> bool:
    """Whether a counter says more than before, or never counted (Web Authentication Level 3 section 6.1.1)."""
    return said > held or said == held == 0


def _descriptors(held: Sequence[Passkey]) -> list[dict[str, Any]]:
    return [
        {"type": "public-key", "id": _spelled(one.id), "transports": list(one.transports)}
        if one.transports
        else {"type": "public-key", "id": _spelled(one.id)}
        for one in held
    ]


def _spelled(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
