"""Steps of a database connection that are never left half way, so that no statement is in doubt afterwards."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine
from typing import Any, TypeVar

import anyio
from sqlalchemy import exc
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

T = TypeVar("T")


async def to_the_end(step: Coroutine[Any, Any, T]) -> T:
    """Finish `step` even when the client goes away meanwhile; the cancellation goes on afterwards."""
    return await _finished(asyncio.ensure_future(step))


async def _finished(task: asyncio.Future[T], *, until: float | None = None) -> T:
    # `until` is a time of the event loop: then whoever waits is let go with a TimeoutError, and the task goes on.
    cancelled: asyncio.CancelledError | None = None
    with anyio.CancelScope(shield=True):
        while not task.done():
            try:
                async with asyncio.timeout_at(until):
                    await asyncio.shield(task)
            except asyncio.CancelledError as error:
                cancelled = error
            except TimeoutError:
                if not task.done():
                    raise (cancelled or TimeoutError("the database does not answer")) from None
            except Exception:  # noqa: BLE001 - raised below, by the task itself
                break
    result = task.result()
    if cancelled is not None:
        raise cancelled
    return result


_LEFT: set[asyncio.Task[None]] = set()
"""Connections that are given back once their last step has ended; the event loop itself keeps tasks weakly."""


class WholeConnection(AsyncConnection):
    """A connection whose statements are never left half way, and whose caller waits for `patience` seconds at most, then
    for `statement` seconds for each one that follows.

    A driver that is cancelled in a statement has to throw the connection away, and cannot always: aiosqlite's thread
    works on, holding the lock of the file.

    The wait for a connection and the wait for its first answer count together: a database that hangs is told once,
    not once for each. A step that took too long goes on by itself, nobody waits for its end, and its connection is
    thrown away.
    """

    def __init__(self, engine: AsyncEngine, *, patience: float | None, statement: float | None = None) -> None:
        super().__init__(engine)
        self._statement = statement
        self._until = None if patience is None else asyncio.get_running_loop().time() + patience
        self._late: asyncio.Future[Any] | None = None

    @property
    def late(self) -> bool:
        """Whether a step took too long: nothing more is to be asked of this connection."""
        return self._late is not None

    async def start(self, is_ctxmanager: bool = False) -> WholeConnection:  # noqa: FBT001, FBT002 - SQLAlchemy's signature
        """Take a connection from the pool.

        Raises:
            TimeoutError: none was free, or the server did not answer.
        """
        await self._in_time(super().start(is_ctxmanager))
        return self

    async def execute(self, *args: Any, **kwargs: Any) -> Any:
        return await self._answered(super().execute(*args, **kwargs))

    async def exec_driver_sql(self, *args: Any, **kwargs: Any) -> Any:
        return await self._answered(super().exec_driver_sql(*args, **kwargs))

    async def commit(self) -> None:
        await self._in_time(super().commit())

    async def rollback(self) -> None:
        await self._in_time(super().rollback())

    async def run_sync(self, *args: Any, **kwargs: Any) -> Any:
        return await to_the_end(super().run_sync(*args, **kwargs))

    async def end(self) -> None:
        """Give the connection back; one that is late is thrown away, without waiting for it."""
        if self._late is None:
            if self.sync_connection is not None:
                await to_the_end(self.close())
            return
        leaving = asyncio.ensure_future(self._end_late(self._late))
        _LEFT.add(leaving)
        leaving.add_done_callback(_LEFT.discard)

    async def _end_late(self, late: asyncio.Future[Any]) -> None:
        await asyncio.wait({late})
        if self.sync_connection is None:
            return
        # The server does not answer: whatever it says to this, the pool must get its place back.
        with contextlib.suppress(OSError, exc.SQLAlchemyError):
            await self.invalidate()
        with contextlib.suppress(OSError, exc.SQLAlchemyError):
            await self.close()

    async def _answered(self, step: Coroutine[Any, Any, T]) -> T:
        found = await self._in_time(step)
        self._until = None  # from here on each statement has its own time
        return found

    async def _in_time(self, step: Coroutine[Any, Any, T]) -> T:
        task, until = asyncio.ensure_future(step), self._until
        if until is None and self._statement is not None:
            # The driver keeps this time too, and then takes two seconds to say goodbye to a server that hangs.
            until = asyncio.get_running_loop().time() + self._statement
        try:
            return await _finished(task, until=until)
        except (TimeoutError, asyncio.CancelledError) as error:
            if isinstance(error, TimeoutError) or not task.done():
                self._late = task
                # Read here: nobody else asks how it ended, and asyncio would call that an error.
                task.add_done_callback(lambda done: done.cancelled() or done.exception())
            raise
