"""Passkeys, and the challenges that were used."""
# ruff: noqa: INP001 - Alembic loads revisions by path; a name that begins with a digit is no module's

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "fastness_passkeys",
        sa.Column("factor_id", sa.String(32), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("credential_id", sa.LargeBinary(1023), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("algorithm", sa.String(16), nullable=False),
        sa.Column("user_handle", sa.LargeBinary(64), nullable=False),
        sa.Column("sign_count", sa.BigInteger(), nullable=False),
        sa.Column("backup_eligible", sa.Boolean(), nullable=False),
        sa.Column("backed_up", sa.Boolean(), nullable=False),
        sa.Column("transports", sa.String(64), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("factor_id", name="pk_fastness_passkeys"),
        sa.ForeignKeyConstraint(
            ["factor_id"], ["fastness_factors.id"], name="fk_fastness_passkeys_factor_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_fastness_passkeys_user_id", ondelete="CASCADE"),
        sa.UniqueConstraint("credential_id", name="uq_fastness_passkeys_credential_id"),
    )
    op.create_index("ix_fastness_passkeys_user_id", "fastness_passkeys", ["user_id"])
    op.create_table(
        "fastness_spent_challenges",
        sa.Column("challenge", sa.LargeBinary(32), nullable=False),
        sa.Column("expires_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("challenge", name="pk_fastness_spent_challenges"),
    )


def downgrade() -> None:
    """Drop them, and the factors that would stay without a key."""
    op.drop_table("fastness_spent_challenges")
    op.drop_table("fastness_passkeys")
    op.execute("DELETE FROM fastness_factors WHERE kind = 'passkey'")
