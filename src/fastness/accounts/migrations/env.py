"""What Alembic runs around our migrations: on the connection it is given, or as SQL for a dialect."""

from __future__ import annotations

from alembic import context

from fastness.accounts.migrations import VERSION_TABLE

connection = context.config.attributes.get("connection")
if connection is None:
    context.configure(
        dialect_name=context.config.attributes["dialect"],
        version_table=VERSION_TABLE,
        literal_binds=True,
        transactional_ddl=True,
    )
else:
    context.configure(connection=connection, version_table=VERSION_TABLE, transactional_ddl=True)
with context.begin_transaction():
    context.run_migrations()
