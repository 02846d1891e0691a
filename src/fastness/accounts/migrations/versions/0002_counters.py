"""Counters and one-time values that all workers share."""
# ruff: noqa: INP001 - Alembic loads revisions by path; a name that begins with a digit is no module's

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "fastness_counters",
        sa.Column("key", sa.String(200), nullable=False),
        sa.Column("full_until", sa.BigInteger(), nullable=False),
        sa.Column("allowed", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_fastness_counters"),
    )
    op.create_table(
        "fastness_once",
        sa.Column("key", sa.String(200), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("expires", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_fastness_once"),
    )
    op.create_index("fastness_once_expires", "fastness_once", ["expires"])


def downgrade() -> None:
    """Drop them: what they count is over within a day."""
    op.drop_table("fastness_once")
    op.drop_table("fastness_counters")
