"""Where the authenticator of API keys finds those of people: an owner who may not act now has none."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from fastness.accounts.db import Database
from fastness.accounts.models import Work
from fastness.core.api_keys import ApiKey


@dataclass(frozen=True, slots=True)
class UserKeys:
    """An `ApiKeyStore` on the tables of accounts.

    A key holds what was asked for at most, and never more than its owner may do now: whoever loses a role loses it in
    his keys as well (CVE-2026-41427).
    """

    db: Database[Work]
    roles: Mapping[str, Iterable[str]]
    """Role -> permissions."""
    unverified: bool
    """Whether people may act whose address is not proved."""

    async def find(self, digest: bytes) -> ApiKey | None:
        """The key with this digest; None when there is none, or when its owner may not act now."""
        async with self.db.read() as work:
            found = await work.api_keys.find(digest, unverified=self.unverified)
        if found is None:
            return None
        key, owner = found
        return replace(key, scopes=key.scopes & frozenset(self.roles.get(owner.role, ())))

    async def add(self, key: ApiKey) -> None:
        """Keep a new key."""
        async with self.db.write() as work:
            await work.api_keys.add(key)

    async def used(self, key_id: str, *, at: float, digest: bytes | None = None) -> None:
        """Note when the key was used."""
        async with self.db.write() as work:
            await work.api_keys.used(key_id, at=at, digest=digest)
