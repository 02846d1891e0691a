"""API keys of people."""
# ruff: noqa: INP001 - Alembic loads revisions by path; a name that begins with a digit is no module's

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "fastness_user_keys",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("digest", sa.LargeBinary(32), nullable=False),
        sa.Column("scopes", sa.Text(), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("hint", sa.String(64), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("expires_at", sa.Double(), nullable=False),
        sa.Column("last_used_at", sa.Double()),
        sa.PrimaryKeyConstraint("id", name="pk_fastness_user_keys"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_fastness_user_keys_user_id", ondelete="CASCADE"),
        sa.UniqueConstraint("digest", name="uq_fastness_user_keys_digest"),
    )
    op.create_index("ix_fastness_user_keys_user_id", "fastness_user_keys", ["user_id"])
    op.create_index("ix_fastness_user_keys_expires_at", "fastness_user_keys", ["expires_at"])


def downgrade() -> None:
    """Drop it: no key works any more."""
    op.drop_table("fastness_user_keys")
