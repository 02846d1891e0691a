"""Sessions whose secret is in a browser's cookie: found at a request, and kept alive by it."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Table, bindparam, case, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from fastness.accounts.models.columns import Seconds, digest
from fastness.accounts.models.session_tokens import family_of


@dataclass(frozen=True, slots=True)
class Live:
    """A live session that a cookie belongs to. Times are Unix seconds."""

    user_id: str
    session_id: str
    authenticated_at: float
    methods: tuple[str, ...]
    last_used_at: float
    ends: float
    """When it ends unless it is used."""


class BrowserSessionSQL:
    """The statements about them, built once."""

    def __init__(self, table: Table) -> None:
        t = table.c
        idle_end = bindparam("idle_end", type_=Seconds[float]())
        self.find = select(
            t.user_id, t.id, t.authenticated_at, t.methods, t.last_used_at, t.idle_expires_at,
            t.current, t.previous, t.rotated_at,
        ).where(t.family == bindparam("f"), t.idle_expires_at > bindparam("now"))  # fmt: skip
        self.touch = (
            update(table)
            .where(t.id == bindparam("session"), t.idle_expires_at > bindparam("now"))
            .values(
                last_used_at=bindparam("now"),
                idle_expires_at=case((t.expires_at < idle_end, t.expires_at), else_=idle_end),
            )
            .returning(t.idle_expires_at)
        )


@dataclass(frozen=True, slots=True)
class BrowserSessions:
    """Queries about them, bound to one connection."""

    connection: AsyncConnection
    sql: BrowserSessionSQL

    async def find(self, cookie: str, *, now: float, grace: float) -> Live | None:
        """The session of this cookie. The one before a renewal counts for `grace` seconds, for requests on their way."""
        family = family_of(cookie, "cookie")
        if family is None:
            return None
        row = (await self.connection.execute(self.sql.find, {"f": digest(family), "now": now})).first()
        if row is None:
            return None
        user_id, session_id, authenticated_at, methods, last_used_at, ends, current, previous, rotated_at = row
        given = digest(cookie)
        if given != current and not (given == previous and grace > 0 and now - rotated_at <= grace):
            return None
        return Live(str(user_id), session_id, authenticated_at, tuple(methods.split()), last_used_at, ends)

    async def touch(self, session_id: str, *, now: float, idle: float) -> float | None:
        """Note that it is used: when it ends now, or None when it ended meanwhile."""
        place = {"session": session_id, "now": now, "idle_end": now + idle}
        ends: float | None = (await self.connection.execute(self.sql.touch, place)).scalar()
        return ends
