"""User names, and codes that bring the one that was chosen with them.

The table of codes is made anew: codes live for ten minutes, and whoever loses one asks for another.
"""
# ruff: noqa: INP001 - Alembic loads revisions by path; a name that begins with a digit is no module's

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def _exact(length: int) -> sa.String:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def upgrade() -> None:
    """Make the table of names, and that of codes anew, with the column."""
    op.create_table(
        "fastness_usernames",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("username", sa.String(64), nullable=False),
        sa.Column("canonical", _exact(64), nullable=False),
        sa.PrimaryKeyConstraint("user_id", name="pk_fastness_usernames"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_fastness_usernames_user_id", ondelete="CASCADE"),
        sa.UniqueConstraint("canonical", name="uq_fastness_usernames_canonical"),
    )
    _remake_codes(sa.Column("username", sa.String(64)))


def downgrade() -> None:
    """Drop the names: a release that does not know them lets people sign in with their address alone."""
    _remake_codes()
    op.drop_table("fastness_usernames")


def _remake_codes(*more: sa.Column[str]) -> None:
    op.drop_table("fastness_codes")
    op.create_table(
        "fastness_codes",
        sa.Column("token", sa.LargeBinary(32), nullable=False),
        sa.Column("purpose", sa.String(32), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("canonical", _exact(320), nullable=False),
        sa.Column("flow", sa.LargeBinary(32), nullable=False),
        sa.Column("digits", sa.LargeBinary(32), nullable=False),
        sa.Column("tries_left", sa.Integer(), nullable=False),
        sa.Column("used_at", sa.Double()),
        sa.Column("expires_at", sa.Double(), nullable=False),
        sa.Column("password_hash", sa.String(512)),
        sa.Column("name", sa.String(200)),
        sa.Column("email", sa.String(320)),
        *more,
        sa.PrimaryKeyConstraint("token", name="pk_fastness_codes"),
        sa.UniqueConstraint("flow", "purpose", name="uq_fastness_codes_flow_purpose"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_fastness_codes_user_id", ondelete="CASCADE"),
    )
    op.create_index("ix_fastness_codes_user_id", "fastness_codes", ["user_id"])
