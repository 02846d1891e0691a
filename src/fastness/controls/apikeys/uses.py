"""When a key was last used, written now and then and behind the request's back."""

from __future__ import annotations

import asyncio
import logging

from fastness.core.api_keys import ApiKey, ApiKeyStore
from fastness.core.clock import Clock

_log = logging.getLogger("fastness")
_EVERY = 60.0


class Uses:
    """At most one write a minute for a key. Nobody waits for it, and nobody is refused when it fails."""

    def __init__(self, store: ApiKeyStore, *, now: Clock, timeout: float) -> None:
        self._store, self._now, self._timeout = store, now, timeout
        self._writing: dict[str, asyncio.Task[None]] = {}

    def note(self, key: ApiKey, digest: bytes | None = None) -> None:
        """The key, as the store has it, was used now. A `digest` is written at once, however recent the last use."""
        now = self._now()
        recent = key.last_used_at is not None and now - key.last_used_at < _EVERY
        if (recent and digest is None) or key.id in self._writing:
            return
        task = asyncio.get_running_loop().create_task(self._write(key.id, now, digest))
        self._writing[key.id] = task
        task.add_done_callback(lambda _: self._writing.pop(key.id, None))

    async def written(self) -> None:
        """Wait for the writes under way."""
        await asyncio.gather(*self._writing.values())

    async def _write(self, key_id: str, at: float, digest: bytes | None) -> None:
        try:
            async with asyncio.timeout(self._timeout):
                await self._store.used(key_id, at=at, digest=digest)
        except Exception as error:  # noqa: BLE001 - the request it belongs to was answered long ago
            _log.warning("the last use of an API key was not written: %s", type(error).__name__)
