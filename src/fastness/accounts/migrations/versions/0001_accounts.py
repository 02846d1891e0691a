"""Accounts, sessions, one-time codes, devices, signing keys, revocations and leases.

Written out rather than taken from the models: a migration says what the tables were, whatever the models become.
"""
# ruff: noqa: INP001 - Alembic loads revisions by path; a name that begins with a digit is no module's

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_exact = sa.String(320).with_variant(sa.String(320, collation="C"), "postgresql")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "users",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.String(320), nullable=False),
        sa.Column("email_canonical", _exact, nullable=False),
        sa.Column("name", sa.String(200), server_default="", nullable=False),
        sa.Column("password_hash", sa.String(512)),
        sa.Column("role", sa.String(64), server_default="user", nullable=False),
        sa.Column("verified_at", sa.Double()),
        sa.Column("suspended_at", sa.Double()),
        sa.Column("version", sa.Integer(), server_default="0", nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_users"),
        sa.UniqueConstraint("email_canonical", name="uq_users_email_canonical"),
    )
    folded = '(lower(name) COLLATE "C")' if op.get_context().dialect.name == "postgresql" else "lower(name)"
    op.create_index("ix_users_name_prefix", "users", [sa.text(folded), "id"])
    staff = sa.text("role != 'user'")
    op.create_index("ix_users_staff", "users", ["role"], sqlite_where=staff, postgresql_where=staff)
    op.create_table(
        "fastness_sessions",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("family", sa.LargeBinary(32), nullable=False),
        sa.Column("current", sa.LargeBinary(32), nullable=False),
        sa.Column("previous", sa.LargeBinary(32)),
        sa.Column("successor", sa.LargeBinary()),
        sa.Column("rotated_at", sa.Double()),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("authenticated_at", sa.Double(), nullable=False),
        sa.Column("last_used_at", sa.Double(), nullable=False),
        sa.Column("idle_expires_at", sa.Double(), nullable=False),
        sa.Column("expires_at", sa.Double(), nullable=False),
        sa.Column("address", sa.String(64), nullable=False),
        sa.Column("agent", sa.String(256), nullable=False),
        sa.Column("device_id", sa.String(64)),
        sa.Column("methods", sa.String(128), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_fastness_sessions"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_fastness_sessions_user_id", ondelete="CASCADE"),
        sa.UniqueConstraint("family", name="uq_fastness_sessions_family"),
    )
    op.create_index("ix_fastness_sessions_user_id", "fastness_sessions", ["user_id"])
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
        sa.PrimaryKeyConstraint("token", name="pk_fastness_codes"),
        sa.UniqueConstraint("flow", "purpose", name="uq_fastness_codes_flow_purpose"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_fastness_codes_user_id", ondelete="CASCADE"),
    )
    op.create_index("ix_fastness_codes_user_id", "fastness_codes", ["user_id"])
    op.create_table(
        "fastness_devices",
        sa.Column("token", sa.LargeBinary(32), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("expires_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("token", name="pk_fastness_devices"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_fastness_devices_user_id", ondelete="CASCADE"),
    )
    op.create_index("ix_fastness_devices_user_id", "fastness_devices", ["user_id"])
    op.create_table(
        "fastness_signing_keys",
        sa.Column("kid", sa.String(64), nullable=False),
        sa.Column("alg", sa.String(16), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("activates_at", sa.Double(), nullable=False),
        sa.Column("retires_at", sa.Double()),
        sa.PrimaryKeyConstraint("kid", name="pk_fastness_signing_keys"),
    )
    op.create_table(
        "fastness_revocations",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("subject", sa.String(255), nullable=False),
        sa.Column("until", sa.Double(), nullable=False),
        sa.Column("version", sa.Integer()),
        sa.PrimaryKeyConstraint("seq", name="pk_fastness_revocations"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "fastness_leases",
        sa.Column("worker", sa.String(64), nullable=False),
        sa.Column("expires_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("worker", name="pk_fastness_leases"),
    )


def downgrade() -> None:
    """Refuse: there is nothing before the first revision but an empty database."""
    raise RuntimeError("going back from 0001 would delete every account; restore a backup instead")
