"""people."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "fastness_counters",
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("full_until", sa.BigInteger(), nullable=False),
        sa.Column("allowed", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_table(
        "fastness_leases",
        sa.Column("worker", sa.String(length=64), nullable=False),
        sa.Column("expires_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("worker"),
    )
    op.create_table(
        "fastness_once",
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("expires", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_index("fastness_once_expires", "fastness_once", ["expires"], unique=False)
    op.create_table(
        "fastness_revocations",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("subject", sa.String(length=255), nullable=False),
        sa.Column("until", sa.Double(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("seq"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "fastness_signing_keys",
        sa.Column("kid", sa.String(length=64), nullable=False),
        sa.Column("alg", sa.String(length=16), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("activates_at", sa.Double(), nullable=False),
        sa.Column("retires_at", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("kid"),
    )
    op.create_table(
        "people",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("motto", sa.String(), server_default="", nullable=False),
        sa.Column("email", sa.String(length=320), nullable=False),
        sa.Column(
            "email_canonical",
            sa.String(length=320).with_variant(sa.String(length=320, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("name", sa.String(length=200), server_default="", nullable=False),
        sa.Column("password_hash", sa.String(length=512), nullable=True),
        sa.Column("role", sa.String(length=64), server_default="user", nullable=False),
        sa.Column("verified_at", sa.Double(), nullable=True),
        sa.Column("suspended_at", sa.Double(), nullable=True),
        sa.Column("version", sa.Integer(), server_default="0", nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("email_canonical"),
        sqlite_autoincrement=True,
    )
    # By hand: a database knows only its own expressions, and this migration runs on both.
    postgresql = op.get_context().dialect.name == "postgresql"
    folded = '(lower(name) COLLATE "C") text_ops' if postgresql else "lower(name)"
    op.create_index("ix_people_name_prefix", "people", [sa.text(folded), "id"])
    op.create_index(
        "ix_people_staff",
        "people",
        ["role"],
        unique=False,
        sqlite_where=sa.text("role != 'user'"),
        postgresql_where=sa.text("role != 'user'"),
    )
    op.create_table(
        "fastness_codes",
        sa.Column("token", sa.LargeBinary(length=32), nullable=False),
        sa.Column("purpose", sa.String(length=32), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column(
            "canonical",
            sa.String(length=320).with_variant(sa.String(length=320, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("flow", sa.LargeBinary(length=32), nullable=False),
        sa.Column("digits", sa.LargeBinary(length=32), nullable=False),
        sa.Column("tries_left", sa.Integer(), nullable=False),
        sa.Column("used_at", sa.Double(), nullable=True),
        sa.Column("expires_at", sa.Double(), nullable=False),
        sa.Column("password_hash", sa.String(length=512), nullable=True),
        sa.Column("name", sa.String(length=200), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["people.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("token"),
        sa.UniqueConstraint("flow", "purpose"),
    )
    op.create_index(op.f("ix_fastness_codes_user_id"), "fastness_codes", ["user_id"], unique=False)
    op.create_table(
        "fastness_devices",
        sa.Column("token", sa.LargeBinary(length=32), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("expires_at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["people.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("token"),
    )
    op.create_index(op.f("ix_fastness_devices_user_id"), "fastness_devices", ["user_id"], unique=False)
    op.create_table(
        "fastness_sessions",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("family", sa.LargeBinary(length=32), nullable=False),
        sa.Column("current", sa.LargeBinary(length=32), nullable=False),
        sa.Column("previous", sa.LargeBinary(length=32), nullable=True),
        sa.Column("successor", sa.LargeBinary(), nullable=True),
        sa.Column("rotated_at", sa.Double(), nullable=True),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("authenticated_at", sa.Double(), nullable=False),
        sa.Column("last_used_at", sa.Double(), nullable=False),
        sa.Column("idle_expires_at", sa.Double(), nullable=False),
        sa.Column("expires_at", sa.Double(), nullable=False),
        sa.Column("address", sa.String(length=64), nullable=False),
        sa.Column("agent", sa.String(length=256), nullable=False),
        sa.Column("device_id", sa.String(length=64), nullable=True),
        sa.Column("methods", sa.String(length=128), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["people.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("family"),
    )
    op.create_index(op.f("ix_fastness_sessions_user_id"), "fastness_sessions", ["user_id"], unique=False)
    op.create_table(
        "notes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("author_id", sa.Integer(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["author_id"], ["people.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_notes_author_id"), "notes", ["author_id"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_notes_author_id"), table_name="notes")
    op.drop_table("notes")
    op.drop_index(op.f("ix_fastness_sessions_user_id"), table_name="fastness_sessions")
    op.drop_table("fastness_sessions")
    op.drop_index(op.f("ix_fastness_devices_user_id"), table_name="fastness_devices")
    op.drop_table("fastness_devices")
    op.drop_index(op.f("ix_fastness_codes_user_id"), table_name="fastness_codes")
    op.drop_table("fastness_codes")
    op.drop_index(
        "ix_people_staff",
        table_name="people",
        sqlite_where=sa.text("role != 'user'"),
        postgresql_where=sa.text("role != 'user'"),
    )
    op.drop_index("ix_people_name_prefix", table_name="people")
    op.drop_table("people")
    op.drop_table("fastness_signing_keys")
    op.drop_table("fastness_revocations")
    op.drop_index("fastness_once_expires", table_name="fastness_once")
    op.drop_table("fastness_once")
    op.drop_table("fastness_leases")
    op.drop_table("fastness_counters")
