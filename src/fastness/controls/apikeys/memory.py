"""Keys in this process: for tests, and for the few fixed keys of a small service."""

from __future__ import annotations

from dataclasses import replace

from fastness.core.api_keys import ApiKey


class MemoryApiKeys:
    """An `ApiKeyStore` in two dictionaries. It forgets everything at the end of the process."""

    def __init__(self) -> None:
        self._keys: dict[str, ApiKey] = {}
        self._ids: dict[bytes, str] = {}

    async def find(self, digest: bytes) -> ApiKey | None:
        """The key with this digest, or None."""
        return self._keys.get(self._ids.get(digest, ""))

    async def add(self, key: ApiKey) -> None:
        """Keep a key."""
        self._put(key)

    async def used(self, key_id: str, *, at: float, digest: bytes | None = None) -> None:
        """Note the time, and the digest under the newer secret."""
        known = self._keys.get(key_id)
        if known is not None:
            self._put(replace(known, last_used_at=at, digest=digest or known.digest))

    async def disable(self, key_id: str) -> bool:
        """Turn a key off; False when there is no such key."""
        known = self._keys.get(key_id)
        if known is not None:
            self._put(replace(known, disabled=True))
        return known is not None

    async def remove(self, key_id: str) -> bool:
        """Forget a key; False when there is no such key."""
        known = self._keys.pop(key_id, None)
        if known is not None:
            del self._ids[known.digest]
        return known is not None

    async def of(self, owner: str) -> list[ApiKey]:
        """Every key of this owner."""
        return [key for key in self._keys.values() if key.owner == owner]

    def _put(self, key: ApiKey) -> None:
        before = self._keys.get(key.id)
        if before is not None:
            del self._ids[before.digest]
        self._keys[key.id], self._ids[key.digest] = key, key.id
