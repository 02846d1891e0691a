"""The table of sessions and the statements about it, built once."""

from __future__ import annotations

from sqlalchemy import (
    Column,
    ForeignKey,
    LargeBinary,
    MetaData,
    String,
    Table,
    bindparam,
    case,
    delete,
    func,
    insert,
    select,
    update,
)

from fastness.accounts.models.account import AccountTable
from fastness.accounts.models.browser_sessions import BrowserSessionSQL
from fastness.accounts.models.columns import Digest, Seconds


def session_table(metadata: MetaData, accounts: AccountTable) -> Table:
    """The table of sessions."""
    return Table(
        "fastness_sessions",
        metadata,
        Column("id", String(32), primary_key=True),
        Column("user_id", accounts.key.type, ForeignKey(accounts.key, ondelete="CASCADE"), nullable=False, index=True),
        # Only what rotation never changes is indexed, so PostgreSQL updates the row in place (HOT).
        Column("family", Digest, nullable=False, unique=True),
        Column("current", Digest, nullable=False),
        Column("previous", Digest),
        Column("successor", LargeBinary),
        Column("rotated_at", Seconds),
        Column("created_at", Seconds, nullable=False),
        Column("authenticated_at", Seconds, nullable=False),
        Column("last_used_at", Seconds, nullable=False),
        Column("idle_expires_at", Seconds, nullable=False),
        Column("expires_at", Seconds, nullable=False),
        Column("address", String(64), nullable=False),
        Column("agent", String(256), nullable=False),
        Column("device_id", String(64)),
        Column("methods", String(128), nullable=False),
    )


class SessionSQL:
    """The statements about sessions, built once."""

    def __init__(self, table: Table, accounts: AccountTable) -> None:
        t = table.c
        self.accounts, self.browser = accounts, BrowserSessionSQL(table)
        # Counted by the insert itself: the account is held before, so nobody else's session is missed.
        older = (t.user_id == bindparam("key"), t.id != bindparam("kept"))
        self.open = insert(table).returning(select(func.count()).select_from(table).where(*older).scalar_subquery())
        newest = select(t.id).where(*older).order_by(t.last_used_at.desc(), t.id).limit(bindparam("room"))
        self.make_room = delete(table).where(*older, t.id.not_in(newest)).returning(t.id)
        idle_end = bindparam("idle_end", type_=Seconds[float]())
        self.rotate = (
            update(table)
            .where(
                t.family == bindparam("f"), t.current == bindparam("presented"), t.idle_expires_at > bindparam("now")
            )
            .values(
                previous=t.current,
                current=bindparam("next"),
                successor=bindparam("sealed"),
                rotated_at=bindparam("now"),
                last_used_at=bindparam("now"),
                idle_expires_at=case((t.expires_at < idle_end, t.expires_at), else_=idle_end),
            )
            .returning(t.user_id, t.id, t.authenticated_at, t.methods, t.expires_at)
        )
        self.family = select(
            t.user_id, t.id, t.authenticated_at, t.methods, t.expires_at, t.previous, t.rotated_at, t.successor
        ).where(t.family == bindparam("f"), t.idle_expires_at > bindparam("now"))
        self.reused = (
            delete(table)
            .where(t.family == bindparam("f"), t.current != bindparam("presented"))
            .returning(t.user_id, t.id)
        )
        self.prove_again = (
            update(table)
            .where(t.id == bindparam("session"), t.idle_expires_at > bindparam("now"))
            .values(authenticated_at=bindparam("now"), methods=bindparam("with_methods"))
            .returning(t.expires_at)
        )
        self.close = delete(table).where(t.id == bindparam("session")).returning(t.user_id)
        self.close_presented = delete(table).where(t.family == bindparam("f")).returning(t.user_id, t.id)
        self.close_all = delete(table).where(t.user_id == bindparam("key"), t.id != bindparam("kept")).returning(t.id)
        live = select(
            t.id, t.user_id, t.created_at, t.authenticated_at, t.last_used_at, t.idle_expires_at, t.expires_at,
            t.address, t.agent, t.device_id, t.methods,
        ).where(t.idle_expires_at > bindparam("now"))  # fmt: skip
        self.get = live.where(t.id == bindparam("session"))
        self.list = live.where(t.user_id == bindparam("key")).order_by(t.last_used_at.desc(), t.id)
