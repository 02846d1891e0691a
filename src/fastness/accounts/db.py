"""The database: one engine, short reads, one short write transaction at a time."""

from __future__ import annotations

import asyncio
import contextlib
import stat
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Generic, Protocol, TypeVar, cast

from sqlalchemy import Connection, Engine, MetaData, Table, exc, select, text
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from fastness.accounts.at_once import Unit, at_once, repeated
from fastness.accounts.engine import (
    ANSWER,
    file_of,
    made,
    make_private,
    normalized,
    unavailable,
)
from fastness.accounts.threads import ThreadedConnection, Threads
from fastness.accounts.whole import WholeConnection, to_the_end
from fastness.core.errors import Unavailable, UnsafeConfiguration
from fastness.stores.sqlite import PATIENCE

__all__ = ["ANSWER", "Database", "Schema", "normalized"]

W_co = TypeVar("W_co", covariant=True)
T = TypeVar("T")


class Schema(Protocol[W_co]):
    """What the database needs to know: the tables, and how to bind their queries to a connection."""

    @property
    def metadata(self) -> MetaData:
        """Every table."""
        ...

    @property
    def probe(self) -> Table:
        """The table that is there when the schema is."""
        ...

    def work(self, connection: AsyncConnection) -> W_co:
        """Every query, bound to this connection."""
        ...


class Database(Generic[W_co]):
    """One database: `Database(url, default_models())` is a `Database[Work]`.

    `statement_timeout` in seconds is PostgreSQL's; `connections` is the size of the pool. Instead of a URL it takes
    somebody's engine, asynchronous or not: its pool, its time-outs and its end are theirs, transactions and the order
    of writers are as here.

    On SQLite: WAL, foreign keys on, a file only its owner reads (0600 when we make it), and one writer at a time,
    which `BEGIN IMMEDIATE` and a lock in this process decide. On PostgreSQL: a pool whose dead connections are noticed
    when they are taken, and a limit for every statement.

    Raises:
        ValueError: the URL is of no supported database; the message does not repeat it.
        Unavailable: from `read` and `write`, when the database is away, busy or too slow. The log has the kind of the
            error only: driver messages quote values.
    """

    def __init__(
        self,
        url: str | AsyncEngine | Engine,
        models: Schema[W_co],
        *,
        echo: bool = False,
        connections: int = 10,
        statement_timeout: float = ANSWER,
    ) -> None:
        self._models = models
        self._own = isinstance(url, str)
        self._url = normalized(url) if isinstance(url, str) else url.url
        if self._url.get_backend_name() not in {"sqlite", "postgresql"}:
            raise ValueError("the database is not supported; use SQLite or PostgreSQL")
        self._sqlite = self._url.get_backend_name() == "sqlite"
        self._file = file_of(self._url) if self._sqlite else None
        self._statement = statement_timeout
        self._one_writer = asyncio.Lock()
        self._threads: Threads | None = None
        self._reader: AsyncEngine | Engine
        self._writer: AsyncEngine | Engine
        if isinstance(url, str):
            self.engine = made(self._url, echo=echo, connections=connections, statement_timeout=statement_timeout)
            # SQLite's is that already, and to set it again are two trips to the thread of the connection.
            self._reader = self.engine if self._sqlite else self.engine.execution_options(isolation_level="AUTOCOMMIT")
            self._writer = self._writing(self.engine)
            return
        if isinstance(url, Engine):
            self._threads = Threads(connections, patience=PATIENCE)
        else:
            self.engine = url
        self._reader = url.execution_options(isolation_level="AUTOCOMMIT")
        self._writer = self._reader if self._sqlite else self._writing(url)

    def _writing(self, engine: AsyncEngine | Engine) -> AsyncEngine | Engine:
        # One statement decides each race, so a stricter level, which a database may have as its default, would only
        # add failures that the client has to repeat.
        return engine if self._sqlite else engine.execution_options(isolation_level="READ COMMITTED")

    def read(self) -> AbstractAsyncContextManager[W_co]:
        """Short reads; each statement is its own transaction."""
        return self._read()

    def write(self) -> AbstractAsyncContextManager[W_co]:
        """One transaction: committed at the end, rolled back on any exception, whole or not at all when cancelled.

        Open no second one inside it, and no `read` either: the inner one would wait for the outer.
        """
        return self._write()

    async def read_at_once(self, unit: Unit[W_co, T]) -> T:
        """What `unit` returns, as in `read`; on our own SQLite it is one trip to its thread.

        The unit awaits nothing but its nouns and emits nothing.
        """
        if not (self._own and self._sqlite):
            return await repeated(self.read, unit)
        async with self._alone():
            return await self._at_once(unit, write=False)

    async def write_at_once(self, unit: Unit[W_co, T]) -> T:
        """The same, as in `write`: one transaction. One that PostgreSQL ends as a deadlock is tried three times."""
        if not (self._own and self._sqlite):
            return await repeated(self.write, unit)
        async with self._turn():
            return await self._at_once(unit, write=True)

    async def _at_once(self, unit: Unit[W_co, T], *, write: bool) -> T:
        with unavailable():
            self._keep_private()
            return await at_once(self.engine, unit, self._models.work, write=write)

    @property
    def url(self) -> URL:
        """Where it is."""
        return self._url

    async def ready(self) -> bool:
        """Whether the database answers and has our tables."""
        try:
            async with self._connection(self._reader) as connection:
                await connection.execute(select(1).select_from(self._models.probe).limit(1))
        except (Unavailable, exc.SQLAlchemyError):
            return False
        return True

    async def close(self) -> None:
        """Close every connection that is ours."""
        if self._own:
            await to_the_end(self.engine.dispose())
        if self._threads is not None:
            self._threads.close()
        self._one_writer = asyncio.Lock()  # the next life of the server may have another event loop

    async def create_tables(self, only: Sequence[Table] | None = None) -> None:
        """Make the tables that are missing: demo, development and tests; production uses migrations."""

        def make(connection: Connection) -> None:
            self._models.metadata.create_all(connection, tables=only)

        async with self.transaction() as connection:
            await connection.run_sync(make)

    def problems(self, *, production: bool) -> list[UnsafeConfiguration]:
        """What an operator should know about where the data lies."""
        if self._file is None or not production or not self._file.exists():
            return []
        if not stat.S_IMODE(self._file.stat().st_mode) & 0o077:
            return []
        return [
            UnsafeConfiguration(
                "other users of this machine may open the database file",
                where="FASTNESS_DATABASE_URL",
                why="it holds addresses and password hashes",
                fix="chmod 600 the file",
            )
        ]

    def _alone(self) -> AbstractAsyncContextManager[None]:
        # A database in memory is one connection: a reader must not step into a writer's transaction.
        return self._one_writer if self._sqlite and self._file is None else contextlib.nullcontext()

    @contextlib.asynccontextmanager
    async def _read(self) -> AsyncIterator[W_co]:
        async with self._alone(), self._connection(self._reader) as connection:
            yield self._models.work(connection)

    @contextlib.asynccontextmanager
    async def _write(self) -> AsyncIterator[W_co]:
        async with self.transaction() as connection:
            yield self._models.work(connection)

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator[WholeConnection]:
        """What `write` is made of, for statements that are no model's: migrations."""
        async with self._turn(), self._connection(self._writer) as connection, self._cascading(connection):
            try:
                if self._sqlite:
                    await self._begin(connection)
                yield connection
            except BaseException:
                await to_the_end(self._undo(connection))
                raise
            try:
                await (connection.exec_driver_sql("COMMIT") if self._sqlite else connection.commit())
            except (exc.SQLAlchemyError, OSError):
                # A full disk: SQLite may keep the transaction open, and the next one would be inside it.
                await to_the_end(self._undo(connection))
                raise

    @contextlib.asynccontextmanager
    async def _cascading(self, connection: WholeConnection) -> AsyncIterator[None]:
        # What hangs on a deleted account must go with it, whatever somebody's own connections to SQLite do.
        if self._own or not self._sqlite or await self.foreign_keys(connection):
            yield
            return
        await connection.exec_driver_sql("PRAGMA foreign_keys=ON")
        try:
            yield
        finally:
            if not connection.invalidated:
                await connection.exec_driver_sql("PRAGMA foreign_keys=OFF")

    async def foreign_keys(self, connection: AsyncConnection) -> bool:
        """Whether this connection to SQLite keeps foreign keys."""
        return bool((await connection.execute(text("PRAGMA foreign_keys"))).scalar_one())

    async def _begin(self, connection: WholeConnection) -> None:
        try:
            await connection.exec_driver_sql("BEGIN IMMEDIATE")
        except exc.OperationalError as error:
            # Somebody's engine may begin by itself, as SQLAlchemy's recipe for savepoints does.
            if self._own or "within a transaction" not in str(error.orig):
                raise

    async def _undo(self, connection: WholeConnection) -> None:
        if connection.late:
            return  # it is thrown away, and the server undoes what it never commits
        try:
            await (connection.exec_driver_sql("ROLLBACK") if self._sqlite else connection.rollback())
        except (exc.SQLAlchemyError, OSError) as error:
            # An error of the disk has undone it already (https://sqlite.org/lang_transaction.html section 3). Were its
            # connections closed for that, none could be opened until the disk is well, and reads would end too.
            if self._sqlite and "no transaction is active" in str(getattr(error, "orig", "")):
                return
            # The error that brought us here is the one to tell; a connection in doubt is not used again.
            await connection.invalidate()

    @contextlib.asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        if not self._sqlite:
            yield
            return
        # SQLite makes writers of one process poll for each other; a queue is fair and costs nothing.
        try:
            async with asyncio.timeout(PATIENCE):
                await self._one_writer.acquire()
        except TimeoutError as error:
            raise Unavailable("too many writers wait for SQLite") from error
        try:
            yield
        finally:
            self._one_writer.release()

    @contextlib.asynccontextmanager
    async def _connection(self, engine: AsyncEngine | Engine) -> AsyncIterator[WholeConnection]:
        connection = self._whole(engine)
        with unavailable():
            self._keep_private()
            try:
                await connection.start()
                yield connection
            finally:
                await connection.end()

    def _keep_private(self) -> None:
        if self._own and self._file is not None:
            make_private(self._file)

    def _whole(self, engine: AsyncEngine | Engine) -> WholeConnection:
        if isinstance(engine, AsyncEngine):
            if self._sqlite or not self._own:
                return WholeConnection(engine, patience=None)
            return WholeConnection(engine, patience=ANSWER, statement=self._statement)
        assert self._threads is not None  # noqa: S101 - they come with such an engine
        # It has every method that is called here and in the models, and no more.
        return cast("WholeConnection", ThreadedConnection(engine, self._threads))
