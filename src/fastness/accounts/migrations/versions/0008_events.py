"""Security events, chained, and the two ends of the chain."""
# ruff: noqa: INP001 - Alembic loads revisions by path; a name that begins with a digit is no module's

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "fastness_events",
        sa.Column("seq", _number, autoincrement=False, nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("type", sa.String(64), nullable=False),
        sa.Column("level", sa.String(16), nullable=False),
        sa.Column("who", sa.String(255)),
        sa.Column("content", sa.Text()),
        sa.Column("salt", sa.LargeBinary(32), nullable=False),
        sa.Column("commitment", sa.LargeBinary(32), nullable=False),
        sa.Column("key", sa.String(16), nullable=False),
        sa.Column("mac", sa.LargeBinary(32), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_fastness_events"),
    )
    op.create_index("ix_fastness_events_who_seq", "fastness_events", ["who", "seq"])
    op.create_index("ix_fastness_events_at_seq", "fastness_events", ["at", "seq"])
    op.create_table(
        "fastness_event_marks",
        sa.Column("name", sa.String(8), nullable=False),
        sa.Column("seq", _number, nullable=False),
        sa.Column("mac", sa.LargeBinary(32), nullable=False),
        sa.Column("key", sa.String(16), nullable=False),
        sa.Column("seal", sa.LargeBinary(32), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_fastness_event_marks"),
    )


def downgrade() -> None:
    """Refuse while there are events: they are evidence, and whoever wants to lose it exports it first.

    Raises:
        RuntimeError: there are some.
    """
    if op.get_bind().execute(sa.text("SELECT max(seq) FROM fastness_events")).scalar() is not None:
        raise RuntimeError("the stored security events would be lost: export them, then delete the rows")
    op.drop_table("fastness_event_marks")
    op.drop_table("fastness_events")
