"""Migrations make exactly the tables that the models describe, wholly or not at all."""

from __future__ import annotations

import ast
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import text

from fastness.accounts import migrations
from fastness.accounts.models import default_models
from fresh_database import fresh_url
from models_on import AccountDatabase, add, at_once, models_on

BOTH = pytest.mark.parametrize("kind", ["sqlite", "postgresql"])


@pytest.fixture
async def url(kind: str, tmp_path: Path) -> AsyncIterator[str]:
    async with fresh_url(kind, tmp_path) as fresh:
        yield fresh


async def upgrade(db: AccountDatabase) -> None:
    await migrations.upgrade(db, default_models().metadata)


async def schema(db: AccountDatabase) -> list[tuple[str, ...]]:
    """Every table, column, constraint and index, as the database itself tells them."""
    if db.engine.dialect.name == "sqlite":
        queries = ["SELECT type, name, tbl_name, sql FROM sqlite_master WHERE name NOT LIKE '%alembic%'"]
    else:
        queries = [
            (
                "SELECT table_name, column_name, data_type, collation_name, character_maximum_length, column_default, "
                "is_nullable FROM information_schema.columns WHERE table_schema = 'public'"
            ),
            "SELECT tablename, indexdef FROM pg_indexes WHERE schemaname = 'public'",
            (
                "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint "
                "WHERE connamespace = 'public'::regnamespace"
            ),
        ]
    async with db.engine.connect() as connection:
        rows = [row for query in queries for row in await connection.execute(text(query))]
    lines = [tuple(" ".join(str(value).split()) for value in row) for row in rows]
    return sorted(line for line in lines if not any("alembic" in value for value in line))


@pytest.mark.anyio
@pytest.mark.store
@BOTH
async def test_upgrading_an_empty_database_makes_what_the_models_describe(kind: str, url: str, tmp_path: Path) -> None:
    async with models_on(url, tables=False) as migrated, fresh_url(kind, tmp_path) as other, models_on(other) as made:
        await upgrade(migrated)

        assert await schema(migrated) == await schema(made)
        assert await migrations.current(migrated) == migrations.head()
        assert await migrated.ready()
        await add(migrated, "ada@example.com")


@pytest.mark.anyio
@pytest.mark.store
@BOTH
async def test_upgrading_twice_or_from_many_processes_at_once_does_it_once(kind: str, url: str) -> None:
    async with models_on(url, tables=False) as db:
        await at_once(4, lambda _: upgrade(db))
        await upgrade(db)

        assert await migrations.current(db) == migrations.head()


@pytest.mark.anyio
@pytest.mark.store
@BOTH
async def test_tables_made_without_migrations_are_adopted_when_they_are_right(kind: str, url: str) -> None:
    async with models_on(url) as db:
        ada = await add(db, "ada@example.com")
        assert await migrations.current(db) is None

        await upgrade(db)

        assert await migrations.current(db) == migrations.head()
        async with db.read() as work:
            assert await work.users.by_id(ada.id) == ada


@pytest.mark.anyio
@pytest.mark.store
@BOTH
async def test_tables_of_our_names_that_are_not_right_are_left_alone(kind: str, url: str) -> None:
    async with models_on(url) as db:
        async with db.transaction() as connection:
            await connection.execute(text("ALTER TABLE fastness_sessions DROP COLUMN agent"))

        with pytest.raises(migrations.ForeignTables):
            await upgrade(db)

        assert await migrations.current(db) is None


@pytest.mark.anyio
@pytest.mark.store
@BOTH
async def test_a_failed_migration_leaves_nothing_behind(kind: str, url: str) -> None:
    async with models_on(url, tables=False) as db:
        async with db.transaction() as connection:
            await connection.execute(text("CREATE TABLE fastness_leases (x int)"))
        before = await schema(db)

        with pytest.raises(Exception, match="fastness_leases"):
            await upgrade(db)

        assert await schema(db) == before
        assert await migrations.current(db) is None


@pytest.mark.anyio
@pytest.mark.store
@BOTH
async def test_going_back_to_nothing_is_refused_and_keeps_the_accounts(kind: str, url: str) -> None:
    async with models_on(url, tables=False) as db:
        await upgrade(db)
        ada = await add(db, "ada@example.com")

        def downgrade(connection: object) -> None:
            config = migrations._config()
            config.attributes["connection"] = connection
            command.downgrade(config, "base")

        with pytest.raises(RuntimeError, match="every account"):
            async with db.transaction() as connection:
                await connection.run_sync(downgrade)

        async with db.read() as work:
            assert await work.users.by_id(ada.id) == ada


@pytest.mark.anyio
async def test_the_offline_statements_make_the_same_tables(tmp_path: Path) -> None:
    by_hand = sqlite3.connect(tmp_path / "hand.db")
    by_hand.executescript(migrations.sql("sqlite"))
    by_hand.close()

    async with models_on(f"sqlite:///{tmp_path}/hand.db", tables=False) as by_hand_db:
        async with models_on(f"sqlite:///{tmp_path}/upgraded.db", tables=False) as upgraded:
            await upgrade(upgraded)
            assert await schema(by_hand_db) == await schema(upgraded)
        assert await migrations.current(by_hand_db) == migrations.head()
    assert 'COLLATE "C"' in migrations.sql("postgresql")


def test_every_revision_follows_the_one_before_and_imports_no_model() -> None:
    files = sorted((Path(migrations.__file__).parent / "versions").glob("*.py"))

    for file in files:
        tree = ast.parse(file.read_text())
        imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        assert not any(module and module.startswith("fastness") for module in imported)
    assert files[-1].name.startswith(migrations.head())


def test_the_models_load_without_alembic() -> None:
    code = (
        "import sys, fastness.accounts.db, fastness.accounts.models, fastness.accounts.migrations; "
        "assert 'alembic' not in sys.modules"
    )

    subprocess.run([sys.executable, "-c", code], check=True)
