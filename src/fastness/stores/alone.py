"""A statement that is a transaction by itself, whatever isolation the database was told to prefer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from sqlalchemy import CursorResult, Executable
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

T = TypeVar("T")

_UNDONE = {"40001", "40P01"}
"""SQLSTATE of serialisation failure and deadlock (https://www.postgresql.org/docs/current/mvcc-serialization-failure-handling.html)."""


def undone(error: BaseException | None) -> bool:
    """Whether PostgreSQL undid the whole transaction because of another one, and asks for it again."""
    there = getattr(error, "orig", None)
    return (getattr(there, "sqlstate", None) or getattr(there, "pgcode", None)) in _UNDONE


class Alone:
    """Runs each statement in AUTOCOMMIT, which is one round trip.

    A PostgreSQL whose default is REPEATABLE READ or SERIALIZABLE ends a statement that waited for a row which another
    has changed meanwhile. Ours decide correctly on the row as it is then, so such a one is repeated in a transaction that
    says READ COMMITTED: it waits its turn and goes on.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._patient = None
        if engine.dialect.name == "postgresql":
            self._patient = engine.execution_options(isolation_level="READ COMMITTED")

    async def run(self, statement: Executable, values: Mapping[str, Any], then: Callable[[CursorResult[Any]], T]) -> T:
        """What `then` makes of its result."""
        try:
            async with self._engine.connect() as connection:
                return then(await connection.execute(statement, values))
        except DBAPIError as error:
            if self._patient is None or not undone(error):
                raise
        async with self._patient.begin() as connection:
            return then(await connection.execute(statement, values))
