"""A passkey as it is stored, whom it is made for, what it proved, and why it was refused."""

from __future__ import annotations

from dataclasses import dataclass, field

from fastness.controls.passkeys.settings import Algorithm
from fastness.core.errors import Refused


class InvalidPasskey(Refused):
    """An answer of an authenticator is not good; which check failed is for the log only."""

    code, public = "invalid_passkey", "The passkey was not accepted. Try again."


class CounterRegressed(InvalidPasskey):
    """The passkey counted backwards: it may have been copied. From outside it is any other refusal."""


@dataclass(frozen=True, slots=True)
class PasskeyUser:
    """Whom a passkey is made for."""

    handle: bytes = field(repr=False)
    """At most 64 bytes that say nothing about the person: `Passkeys.handle`."""
    name: str
    """Tells accounts apart in the browser's list, as an e-mail address does."""
    display_name: str = ""


@dataclass(frozen=True, slots=True)
class Passkey:
    """What a site keeps of a passkey. Nothing of it is secret."""

    id: bytes
    """The credential id, unique over all accounts."""
    public_key: bytes = field(repr=False)
    """COSE_Key (RFC 9052)."""
    algorithm: Algorithm
    user_handle: bytes = field(repr=False)
    sign_count: int
    """0 for ever where the authenticator does not count."""
    backup_eligible: bool
    """Whether it may be on several devices: synced."""
    backed_up: bool
    """Whether it was at the last use."""
    transports: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Proved:
    """A passkey was used: what to store in the place of what was held, and how it was proved."""

    passkey: Passkey
    verified: bool
    """Whether the authenticator knew its owner, by PIN, finger or face."""

    @property
    def methods(self) -> tuple[str, ...]:
        """Authentication methods in the words of RFC 8176: a key bound to hardware, or one that is synced; a touch."""
        return ("swk" if self.passkey.backup_eligible else "hwk", "user")
