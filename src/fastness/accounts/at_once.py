"""Units of work. On SQLite one is one trip to the thread of its connection: every statement, from BEGIN to COMMIT.

A trip wakes two threads, which costs ten times as much as a small statement does. A unit is a coroutine function that
takes the nouns and awaits nothing else, so it can run to its end where the connection lives.
"""

from __future__ import annotations

import contextvars
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from typing import Any, TypeVar, cast

from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from fastness.accounts.trips import RoundTrips
from fastness.accounts.whole import to_the_end
from fastness.core.errors import Unavailable
from fastness.stores.alone import undone

W = TypeVar("W")
T = TypeVar("T")
Unit = Callable[[W], Coroutine[Any, Any, T]]
"""It awaits nothing but its nouns, and emits no event: it may run in a thread without an event loop."""


_TRIES = 3
"""Of a unit that PostgreSQL undid. It takes a second to see a deadlock, and a request is to be told within five."""


async def repeated(opened: Callable[[], AbstractAsyncContextManager[W]], unit: Unit[W, T]) -> T:
    """What `unit` returns on a database that runs it statement by statement, tried again when PostgreSQL undid it.

    Somebody else's transactions may lock our rows in another order. Nothing of what was undone has happened.
    """
    for _ in range(_TRIES - 1):
        try:
            async with opened() as work:
                return await unit(work)
        except Unavailable as error:
            if not undone(error.__cause__):
                raise
    async with opened() as work:
        return await unit(work)


class _Inside:
    """What the models ask of an `AsyncConnection`, by whoever is in the connection's thread."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.dialect = connection.dialect

    async def execute(self, statement: Any, parameters: Any = None) -> Any:
        """Run a statement; its rows are here once it returns."""
        return self._connection.execute(statement, parameters)


async def at_once(engine: AsyncEngine, unit: Unit[W, T], bind: Callable[[AsyncConnection], W], *, write: bool) -> T:
    """What `unit` returns or raises; with `write` it is one transaction, which an exception undoes.

    A caller that is cancelled waits for its end, and is cancelled then.

    Raises:
        RuntimeError: the unit awaited something else than its nouns.
    """
    return await to_the_end(_at_once(engine, unit, bind, write=write))


async def _at_once(engine: AsyncEngine, unit: Unit[W, T], bind: Callable[[AsyncConnection], W], *, write: bool) -> T:
    connection = await AsyncConnection(engine).start()
    try:
        plain = connection.sync_connection
        assert plain is not None  # noqa: S101 - it was started
        pooled = cast("RoundTrips", plain.connection.dbapi_connection)
        context = contextvars.copy_context()

        def inside() -> T:
            nouns = bind(cast("AsyncConnection", _Inside(plain)))
            return _transaction(plain, pooled, lambda: _finished(unit(nouns))) if write else _finished(unit(nouns))

        try:
            return await pooled.inside(lambda: context.run(inside))
        finally:
            if pooled.in_doubt:
                # The error that brought us here is the one to tell; a connection in doubt is not used again.
                await connection.invalidate()
    finally:
        await connection.close()


def _transaction(plain: Connection, pooled: RoundTrips, unit: Callable[[], T]) -> T:
    try:
        plain.exec_driver_sql("BEGIN IMMEDIATE")
        found = unit()
        plain.exec_driver_sql("COMMIT")
    except BaseException:
        pooled.undo()
        raise
    return found


def _finished(unit: Awaitable[T]) -> T:
    steps = unit.__await__()
    try:
        next(steps)
    except StopIteration as end:
        return cast("T", end.value)
    steps.close()
    raise RuntimeError("a unit of work awaits something else than its connection")
