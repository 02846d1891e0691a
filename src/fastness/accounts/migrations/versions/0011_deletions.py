"""Deletions that can be taken back."""
# ruff: noqa: INP001 - Alembic loads revisions by path; a name that begins with a digit is no module's

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "fastness_deletions",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("asked_at", sa.Double(), nullable=False),
        sa.Column("due_at", sa.Double(), nullable=False),
        sa.Column("final", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("user_id", name="pk_fastness_deletions"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_fastness_deletions_user_id", ondelete="CASCADE"),
    )
    op.create_index("ix_fastness_deletions_due_at", "fastness_deletions", ["due_at"])


def downgrade() -> None:
    """Drop it: accounts that were to be deleted stay suspended."""
    op.drop_table("fastness_deletions")
