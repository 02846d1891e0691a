"""A code may prove a new address, and a device says where it was seen.

The table of codes is made anew: codes live for ten minutes, and whoever loses one asks for another.
"""
# ruff: noqa: INP001 - Alembic loads revisions by path; a name that begins with a digit is no module's

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_exact = sa.String(320).with_variant(sa.String(320, collation="C"), "postgresql")


def upgrade() -> None:
    """Make the table of codes anew, with the column, and that of devices, with what they show and whether they are trusted."""
    _remake_codes(sa.Column("email", sa.String(320)))
    _remake_devices(
        sa.Column("address", sa.String(64), server_default="", nullable=False),
        sa.Column("agent", sa.String(256), server_default="", nullable=False),
        sa.Column("trusted_until", sa.Double()),
    )


def downgrade() -> None:
    """Make them anew without them."""
    _remake_codes()
    _remake_devices()


def _remake_codes(*more: sa.Column[str]) -> None:
    op.drop_table("fastness_codes")
    op.create_table(
        "fastness_codes",
        sa.Column("token", sa.LargeBinary(32), nullable=False),
        sa.Column("purpose", sa.String(32), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("canonical", _exact, nullable=False),
        sa.Column("flow", sa.LargeBinary(32), nullable=False),
        sa.Column("digits", sa.LargeBinary(32), nullable=False),
        sa.Column("tries_left", sa.Integer(), nullable=False),
        sa.Column("used_at", sa.Double()),
        sa.Column("expires_at", sa.Double(), nullable=False),
        sa.Column("password_hash", sa.String(512)),
        sa.Column("name", sa.String(200)),
        *more,
        sa.PrimaryKeyConstraint("token", name="pk_fastness_codes"),
        sa.UniqueConstraint("flow", "purpose", name="uq_fastness_codes_flow_purpose"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_fastness_codes_user_id", ondelete="CASCADE"),
    )
    op.create_index("ix_fastness_codes_user_id", "fastness_codes", ["user_id"])


def _remake_devices(*more: sa.Column[Any]) -> None:
    # Copied, not emptied: a known device is what lets its owner in while strangers are slowed down.
    op.rename_table("fastness_devices", "fastness_devices_before")
    op.drop_index("ix_fastness_devices_user_id", table_name="fastness_devices_before")
    if op.get_context().dialect.name == "postgresql":
        op.drop_constraint("pk_fastness_devices", "fastness_devices_before")
        op.drop_constraint("fk_fastness_devices_user_id", "fastness_devices_before")
    op.create_table(
        "fastness_devices",
        sa.Column("token", sa.LargeBinary(32), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("expires_at", sa.Double(), nullable=False),
        *more,
        sa.PrimaryKeyConstraint("token", name="pk_fastness_devices"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_fastness_devices_user_id", ondelete="CASCADE"),
    )
    op.create_index("ix_fastness_devices_user_id", "fastness_devices", ["user_id"])
    kept = "token, user_id, created_at, expires_at"
    op.execute(f"INSERT INTO fastness_devices ({kept}) SELECT {kept} FROM fastness_devices_before")  # noqa: S608
    op.drop_table("fastness_devices_before")
