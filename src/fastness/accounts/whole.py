"""Steps of a database connection that are never left half way, so that no statement is in doubt afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import anyio
from sqlalchemy.ext.asyncio import AsyncConnection

T = TypeVar("T")


async def to_the_end(step: Coroutine[Any, Any, T]) -> T:
    """Finish `step` even when the client goes away meanwhile; the cancellation goes on afterwards."""
    task = asyncio.ensure_future(step)
    cancelled: asyncio.CancelledError | None = None
    with anyio.CancelScope(shield=True):
        while not task.done():
            try:
                await asyncio.shield(task)
            except asyncio.CancelledError as error:
                cancelled = error
            except Exception:  # noqa: BLE001 - raised below, by the task itself
                break
    result = task.result()
    if cancelled is not None:
        raise cancelled
    return result


class WholeConnection(AsyncConnection):
    """A connection whose statements are never left half way.

    A driver that is cancelled in a statement has to throw the connection away, and cannot always: aiosqlite's thread
    works on, holding the lock of the file.
    """

    async def execute(self, *args: Any, **kwargs: Any) -> Any:
        return await to_the_end(super().execute(*args, **kwargs))

    async def exec_driver_sql(self, *args: Any, **kwargs: Any) -> Any:
        return await to_the_end(super().exec_driver_sql(*args, **kwargs))

    async def run_sync(self, *args: Any, **kwargs: Any) -> Any:
        return await to_the_end(super().run_sync(*args, **kwargs))
