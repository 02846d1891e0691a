"""A synchronous engine, used as if it were asynchronous: each step runs to its end in a thread of our own.

The threads are ours, and every connection that is out or waited for has one: in the pool that FastAPI runs handlers in,
those who wait for a connection could hold every thread that would give one back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine

from fastness.accounts.whole import to_the_end

T = TypeVar("T")


class Threads:
    """As many threads as connections may be out at once; they begin with the first step and end with `close`."""

    def __init__(self, most: int, *, patience: float) -> None:
        """`patience` in seconds for a free place."""
        self._most, self._patience = most, patience
        self._pool: ThreadPoolExecutor | None = None
        self._places = asyncio.Semaphore(most)

    async def enter(self) -> None:
        """Take a place for one connection.

        Raises:
            TimeoutError: there is none for too long.
        """
        async with asyncio.timeout(self._patience):
            await self._places.acquire()

    def leave(self) -> None:
        """Give the place back."""
        self._places.release()

    async def run(self, step: Callable[[], T]) -> T:
        """What `step` returns or raises, in a thread."""
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self._most, thread_name_prefix="fastness-db")
        return await asyncio.get_running_loop().run_in_executor(self._pool, step)

    def close(self) -> None:
        """Let the threads end."""
        if self._pool is not None:
            self._pool.shutdown(wait=False)
            self._pool = None
        self._places = asyncio.Semaphore(self._most)  # the next life of the server may have another event loop


class ThreadedConnection:
    """What `Database` and the models ask of an `AsyncConnection`, on a synchronous one. Rows are here once it returns."""

    def __init__(self, engine: Engine, threads: Threads) -> None:
        self._engine, self._threads = engine, threads
        self.dialect = engine.dialect
        self.sync_connection: Connection | None = None

    late = False
    """Somebody's engine has time-outs of its own: each step is waited for."""

    @property
    def invalidated(self) -> bool:
        """Whether it was thrown away."""
        return self.sync_connection is None or self.sync_connection.invalidated

    async def start(self) -> None:
        """Take a connection from the pool."""
        await to_the_end(self._take())

    async def _take(self) -> None:
        await self._threads.enter()
        try:
            self.sync_connection = await self._threads.run(self._engine.connect)
        except BaseException:
            self._threads.leave()
            raise

    async def execute(self, statement: Any, parameters: Any = None) -> Any:
        """Run a statement and fetch its rows, in one step."""
        return await self._step(lambda connection: _fetched(connection.execute(statement, parameters)))

    async def exec_driver_sql(self, statement: str) -> None:
        """Run a statement as the driver reads it."""
        await self._step(lambda connection: connection.exec_driver_sql(statement).close())

    async def run_sync(self, work: Callable[..., T], *given: Any) -> T:
        """Give the connection to a function that runs in the thread."""
        return await self._step(lambda connection: work(connection, *given))

    async def commit(self) -> None:
        """Commit."""
        await self._step(lambda connection: connection.commit())

    async def rollback(self) -> None:
        """Roll back."""
        await self._step(lambda connection: connection.rollback())

    async def invalidate(self) -> None:
        """Throw the connection away."""
        await self._step(lambda connection: connection.invalidate())

    async def end(self) -> None:
        """Give the connection back, if there is one."""
        if self.sync_connection is None:
            return
        try:
            await self._step(lambda connection: connection.close())
        finally:
            self._threads.leave()

    async def _step(self, step: Callable[[Connection], T]) -> T:
        connection = self.sync_connection
        assert connection is not None  # noqa: S101 - `start` came first
        return await to_the_end(self._threads.run(lambda: step(connection)))


def _fetched(result: Any) -> Any:
    # A row that is fetched later would be fetched in the event loop.
    return result.freeze()() if result.returns_rows else result
