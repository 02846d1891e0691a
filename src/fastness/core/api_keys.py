"""What is stored of an API key, and the promise of the store that keeps it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from fastness.core.store import Rate


@dataclass(frozen=True, slots=True)
class ApiKey:
    """One key as it is stored: everything but the key itself. Times are Unix seconds."""

    id: str
    owner: str
    """The principal on whose behalf the key acts."""
    digest: bytes = field(repr=False)
    """HMAC-SHA-256 of the key, under a key that is not in the database."""
    scopes: frozenset[str] = frozenset()
    """The permissions of the caller; a key has no role."""
    name: str = ""
    """What its owner calls it."""
    hint: str = ""
    """Its prefix and last four characters, by which its owner knows it again. They are part of the checksum."""
    created_at: float = 0.0
    expires_at: float | None = None
    """None: it does not expire."""
    disabled: bool = False
    rate: Rate | None = None
    """Its own limit; None for the default one."""
    last_used_at: float | None = None
    """To the minute or so."""


class ApiKeyStore(Protocol):
    """Where keys are kept. It never sees a key, only digests."""

    async def find(self, digest: bytes) -> ApiKey | None:
        """The key with this digest; None when there is none, or when its owner may not act now.

        It reads what is true now: an answer from a replica or cache that is late makes revocation late.
        """
        ...

    async def add(self, key: ApiKey) -> None:
        """Keep a new key."""
        ...

    async def used(self, key_id: str, *, at: float, digest: bytes | None = None) -> None:
        """Note when the key was used. With `digest`, it is from now on found under this one: the secret was rotated."""
        ...
