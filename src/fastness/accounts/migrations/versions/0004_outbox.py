"""Mails that wait to be sent."""
# ruff: noqa: INP001 - Alembic loads revisions by path; a name that begins with a digit is no module's

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "fastness_outbox",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.Double(), nullable=False),
        sa.Column("expires_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_fastness_outbox"),
    )
    op.create_index("ix_fastness_outbox_due_at", "fastness_outbox", ["due_at"])


def downgrade() -> None:
    """Drop it: a release that does not know it sends nothing from it."""
    op.drop_table("fastness_outbox")
