"""One trip to SQLite's thread for each statement.

aiosqlite gives every connection a thread, and SQLAlchemy's adapter goes there three or four times for one statement:
for the cursor, to execute, to fetch and to close. Each trip wakes two threads, which costs more than a small statement
does. Here a statement, its rows and its end are one trip.
"""

from __future__ import annotations

import sqlite3
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from sqlalchemy.dialects.sqlite.aiosqlite import AsyncAdapt_aiosqlite_connection

T = TypeVar("T")


def connect(dialect: Any, _record: Any, args: Sequence[Any], options: dict[str, Any]) -> RoundTrips:
    """A connection that makes round trips; for SQLAlchemy's event `do_connect`."""
    plain = dialect.connect(*args, **options)
    return RoundTrips(plain.dbapi, plain.driver_connection)


class RoundTrips(AsyncAdapt_aiosqlite_connection):
    """SQLAlchemy's adapter of one aiosqlite connection, with `Cursor` for all that is not streamed."""

    __slots__ = ("_inside", "in_doubt")

    def __init__(self, dbapi: Any, driver: Any) -> None:
        super().__init__(dbapi, driver)
        self._inside = False
        self.in_doubt = False
        """Whether a transaction could not be undone: use it no more."""

    def cursor(self, server_side: bool = False) -> Any:  # noqa: FBT001, FBT002 - the adapter's own signature
        """A cursor; nobody goes to the thread for it."""
        return super().cursor(server_side=True) if server_side else Cursor(self)

    def run(self, method: str, operation: str, parameters: Any) -> _Answer:
        """Run a statement to its end.

        Raises:
            sqlite3.Error: what SQLite says of it.
        """
        if self._inside:
            return _to_the_end(self._connection, method, operation, parameters)
        try:
            # `_execute` is how every public method of aiosqlite gets there; none of them does all of it at once.
            found: _Answer = self.run_async(
                lambda driver: driver._execute(_to_the_end, driver, method, operation, parameters)  # noqa: SLF001
            )
        except Exception as error:  # noqa: BLE001 - it raises, by the adapter's rules
            self._handle_exception(error)
        return found

    async def inside(self, work: Callable[[], T]) -> T:
        """Run `work` in the thread of the connection, where its statements need no trip."""
        self._inside = True
        try:
            found: T = await self._connection._execute(work)  # noqa: SLF001 - see above
        finally:
            self._inside = False
        return found

    def undo(self) -> None:
        """Undo what was begun; only inside."""
        driver: sqlite3.Connection = self._connection._conn  # noqa: SLF001 - see above
        try:
            driver.rollback()
        except sqlite3.Error:
            self.in_doubt = True


class Cursor:
    """What SQLAlchemy asks of a cursor (PEP 249). The rows are here once `execute` returns."""

    __slots__ = ("_connection", "_rows", "arraysize", "description", "lastrowid", "rowcount")

    def __init__(self, connection: RoundTrips) -> None:
        self._connection = connection
        self._rows: deque[Any] = deque()
        self.arraysize = 1
        self.description: Any = None
        self.rowcount = -1
        self.lastrowid: int | None = None

    def execute(self, operation: str, parameters: Any = ()) -> None:
        """Run one statement."""
        self._run("execute", operation, parameters)

    def executemany(self, operation: str, parameters: Any) -> None:
        """Run one statement with each of these parameters."""
        self._run("executemany", operation, parameters)

    def fetchone(self) -> Any:
        """The next row, or None."""
        return self._rows.popleft() if self._rows else None

    def fetchmany(self, size: int | None = None) -> list[Any]:
        """At most `size` rows."""
        return [self._rows.popleft() for _ in range(min(self.arraysize if size is None else size, len(self._rows)))]

    def fetchall(self) -> list[Any]:
        """The rows that are left."""
        rows = list(self._rows)
        self._rows.clear()
        return rows

    def __iter__(self) -> Iterator[Any]:
        while self._rows:
            yield self._rows.popleft()

    def close(self) -> None:
        """Forget the rows; SQLite's own cursor closed with the statement."""
        self._rows.clear()

    async def _async_soft_close(self) -> None:
        # SQLAlchemy's word for closing the cursor while its rows are kept.
        return

    def _run(self, method: str, operation: str, parameters: Any) -> None:
        rows, self.description, self.rowcount, self.lastrowid = self._connection.run(method, operation, parameters)
        self._rows = deque(rows)


_Answer = tuple[list[Any], Any, int, int | None]


def _to_the_end(driver: Any, method: str, operation: str, parameters: Any) -> _Answer:
    cursor: sqlite3.Cursor = driver._conn.cursor()  # noqa: SLF001 - as SQLAlchemy's adapter has it
    try:
        getattr(cursor, method)(operation, parameters)
        # The count of a statement with RETURNING is right only after its last row.
        rows = cursor.fetchall() if cursor.description else []
        return rows, cursor.description, cursor.rowcount, cursor.lastrowid
    finally:
        cursor.close()
