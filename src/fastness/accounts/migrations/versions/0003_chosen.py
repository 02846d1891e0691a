"""A code brings the password and name that were chosen together with it.

The table is made anew: codes live for ten minutes, and whoever loses one asks for another.
"""
# ruff: noqa: INP001 - Alembic loads revisions by path; a name that begins with a digit is no module's

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_exact = sa.String(320).with_variant(sa.String(320, collation="C"), "postgresql")


def upgrade() -> None:
    """Make the table of codes anew, with the two columns."""
    _remake(sa.Column("password_hash", sa.String(512)), sa.Column("name", sa.String(200)))


def downgrade() -> None:
    """Make it anew without them."""
    _remake()


def _remake(*chosen: sa.Column[str]) -> None:
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
        *chosen,
        sa.PrimaryKeyConstraint("token", name="pk_fastness_codes"),
        sa.UniqueConstraint("flow", "purpose", name="uq_fastness_codes_flow_purpose"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_fastness_codes_user_id", ondelete="CASCADE"),
    )
    op.create_index("ix_fastness_codes_user_id", "fastness_codes", ["user_id"])
