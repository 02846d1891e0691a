"""Second factors, recovery codes, challenges, and devices that are remembered."""
# ruff: noqa: INP001 - Alembic loads revisions by path; a name that begins with a digit is no module's

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "fastness_factors",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.Column("last_step", sa.BigInteger()),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("confirmed_at", sa.Double()),
        sa.Column("last_used_at", sa.Double()),
        sa.PrimaryKeyConstraint("id", name="pk_fastness_factors"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_fastness_factors_user_id", ondelete="CASCADE"),
    )
    op.create_index("ix_fastness_factors_user_id", "fastness_factors", ["user_id"])
    op.create_table(
        "fastness_recovery_codes",
        sa.Column("code", sa.LargeBinary(32), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("used_at", sa.Double()),
        sa.PrimaryKeyConstraint("code", name="pk_fastness_recovery_codes"),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name="fk_fastness_recovery_codes_user_id", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_fastness_recovery_codes_user_id", "fastness_recovery_codes", ["user_id"])
    op.create_table(
        "fastness_challenges",
        sa.Column("token", sa.LargeBinary(32), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("form", sa.String(8), nullable=False),
        sa.Column("proved", sa.LargeBinary(32), nullable=False),
        sa.Column("tries_left", sa.Integer(), nullable=False),
        sa.Column("used_at", sa.Double()),
        sa.Column("expires_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("token", name="pk_fastness_challenges"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_fastness_challenges_user_id", ondelete="CASCADE"),
    )
    op.create_index("ix_fastness_challenges_user_id", "fastness_challenges", ["user_id"])


def downgrade() -> None:
    """Drop them: a release that does not know them asks for no factor. People enrol again after the way forth."""
    op.drop_table("fastness_challenges")
    op.drop_table("fastness_recovery_codes")
    op.drop_table("fastness_factors")
