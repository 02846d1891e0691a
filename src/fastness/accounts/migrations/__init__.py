"""Migrations of the account service's own tables, carried in the package: `fastness db upgrade`.

Alembic is imported inside these functions only: it takes half a second. An application that brings its own user class
has our tables in its own metadata and migrates them with its own Alembic; these migrations are for the class that
`default_models` makes.
"""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from fastness.accounts.db import Database

if TYPE_CHECKING:
    from alembic.config import Config
    from sqlalchemy import Connection, MetaData

VERSION_TABLE = "fastness_alembic"
"""Our own, so that it never mixes with the application's."""

_MIGRATORS = 7_310_579_012_166_439_541
"""The advisory lock on PostgreSQL that lets one of several starting processes migrate."""


class ForeignTables(Exception):
    """Tables with our names are there, were not made by these migrations and are not as they should be."""


async def upgrade(database: Database[Any], metadata: MetaData, *, revision: str = "head") -> None:
    """Bring the tables to `revision`, in one transaction: wholly or not at all, and by one process at a time.

    Tables that `create_tables` made and that are as the migrations would have made them are adopted.

    Raises:
        ForeignTables: they are not.
        Unavailable: the database is away or busy.
    """
    async with database.transaction() as connection:
        await connection.run_sync(_upgrade, metadata, revision)


async def current(database: Database[Any]) -> str | None:
    """The revision of the database, or None when no migration ran."""
    async with database.transaction() as connection:
        revision: str | None = await connection.run_sync(_current)
    return revision


def head() -> str:
    """The newest revision that this release knows."""
    from alembic.script import ScriptDirectory

    newest = ScriptDirectory.from_config(_config()).get_current_head()
    assert newest is not None  # noqa: S101 - the package carries at least one
    return newest


def sql(dialect: Literal["sqlite", "postgresql"]) -> str:
    """The statements from an empty database to the newest revision, for people who run them by hand."""
    from alembic import command

    out = io.StringIO()
    config = _config(output_buffer=out)
    config.attributes["dialect"] = dialect
    command.upgrade(config, "head", sql=True)
    return out.getvalue()


def _upgrade(connection: Connection, metadata: MetaData, revision: str) -> None:
    from alembic import command
    from sqlalchemy import text

    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _MIGRATORS})
    config = _config()
    config.attributes["connection"] = connection
    if _current(connection) is None and connection.dialect.has_table(connection, "fastness_sessions"):
        if differences := _differences(connection, metadata):
            raise ForeignTables(f"{len(differences)} differences, the first: {differences[0][0]}")
        command.stamp(config, revision)
        return
    command.upgrade(config, revision)


def _current(connection: Connection) -> str | None:
    from alembic.migration import MigrationContext

    return MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE}).get_current_revision()


def _differences(connection: Connection, metadata: MetaData) -> list[Any]:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext
    from sqlalchemy import Column

    # No database tells an index on an expression back in a form that can be compared.
    unlike = {
        index.name
        for table in metadata.tables.values()
        for index in table.indexes
        if not all(isinstance(expression, Column) for expression in index.expressions)
    }

    def compared(name: str | None, kind: str, _parents: Any) -> bool:
        return name in metadata.tables if kind == "table" else name not in unlike

    def wanted(thing: Any, _name: str | None, kind: str, _reflected: bool, _other: Any) -> bool:  # noqa: FBT001
        return kind != "index" or thing.name not in unlike

    context = MigrationContext.configure(connection, opts={"include_name": compared, "include_object": wanted})
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*expression-based index")
        return list(compare_metadata(context, metadata))


def _config(**options: Any) -> Config:
    from alembic.config import Config

    config = Config(**options)
    # "%" would be read as interpolation.
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    return config
