"""History: people read what happened to their account, administrators what happened to any."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from fastness.accounts import audit
from fastness.accounts.db import Database
from fastness.accounts.models import InvalidCursor, StoredEvent, Work
from fastness.controls.sealing import BrokenSeal, Sealer
from fastness.core.events import Event, EventType, Level, Sink
from fastness.core.principal import Principal

PURPOSE = "accounts.events.cursor"
SHOWN = (
    EventType.AUTHN_CODE_FAIL,
    EventType.AUTHN_FACTOR_CHANGE,
    EventType.AUTHN_FACTOR_CLONED,
    EventType.AUTHN_LOGIN_FAIL,
    EventType.AUTHN_LOGIN_SUCCESS,
    EventType.AUTHN_PASSWORD_CHANGE,
    EventType.AUTHN_REAUTHENTICATE,
    EventType.AUTHN_TOKEN_CREATED,
    EventType.AUTHN_TOKEN_REUSE,
    EventType.AUTHN_TOKEN_REVOKED,
    EventType.AUTHZ_ADMIN,
    EventType.AUTHZ_CHANGE,
    EventType.SESSION_LOGOUT,
    EventType.USER_CREATED,
    EventType.USER_UPDATED,
)
"""What tells the owner something; the rest is for whoever runs the service."""
_BEYOND = 2**62


@dataclass(frozen=True, slots=True)
class EventPage:
    """One page of events, the newest first."""

    items: tuple[StoredEvent, ...]
    next: str | None
    """The cursor of the next page, or None on the last."""
    total: int | None
    """Exact up to 10,000, else None."""


@dataclass(frozen=True, slots=True)
class History:
    """Rows are found by the account's id. A cursor is sealed for its list: numbers tell how much the service is used."""

    db: Database[Work]
    sealer: Sealer
    emit: Sink

    async def own(self, who: Principal, *, limit: int, after: str | None) -> EventPage:
        """What happened to the caller's account.

        Raises:
            InvalidCursor: it is not one of ours for this caller.
        """
        return await self._page(f"own {who.id}", who.id, SHOWN, limit, after)

    async def of(self, user_id: str | None, *, limit: int, after: str | None) -> EventPage:
        """Every event, or every one about one account.

        Raises:
            InvalidCursor: it is not one of ours for this list.
        """
        return await self._page(f"all {user_id or ''}", user_id, (), limit, after)

    def export(self, by: Principal, *, since: float | None) -> AsyncIterator[str]:
        """Every event as JSON lines, the oldest first. That somebody took them is an event too."""
        details = {"by": by.id, "did": "export events"}
        self.emit(Event(EventType.AUTHZ_ADMIN, who=by.id, level=Level.WARN, details=details))
        return audit.export(self.db, since=since)

    async def _page(
        self, place: str, who: str | None, types: Sequence[str], limit: int, after: str | None
    ) -> EventPage:
        before = _BEYOND if after is None else self._opened(after, place)
        async with self.db.read() as work:
            rows = await work.events.page(before=before, most=limit + 1, who=who, types=types)
            total = await work.events.count(who=who, types=types)
        more = len(rows) > limit
        rows = rows[:limit]
        cursor = self.sealer.seal(str(rows[-1].seq).encode(), bound_to=place.encode()) if more else None
        return EventPage(rows, cursor, total)

    def _opened(self, cursor: str, place: str) -> int:
        try:
            return int(self.sealer.open(cursor, bound_to=place.encode()))
        except BrokenSeal as error:
            raise InvalidCursor("not one of ours for this list") from error
