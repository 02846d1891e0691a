"""The JSON of events, for the account's owner and for administrators."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Self

from pydantic import BaseModel, Field

from fastness.accounts.audit import content_of
from fastness.accounts.flows.client import described
from fastness.accounts.flows.history import EventPage
from fastness.accounts.models import StoredEvent
from fastness.core.events import EventType

_WORDS = {
    EventType.AUTHN_CODE_FAIL: "A wrong code was entered",
    EventType.AUTHN_FACTOR_CHANGE: "The second factors were changed",
    EventType.AUTHN_FACTOR_CLONED: "A passkey counted backwards: it may have been copied",
    EventType.AUTHN_LOGIN_FAIL: "A sign-in failed",
    EventType.AUTHN_LOGIN_SUCCESS: "Signed in",
    EventType.AUTHN_PASSWORD_CHANGE: "The password was changed",
    EventType.AUTHN_REAUTHENTICATE: "Proved again who you are",
    EventType.AUTHN_TOKEN_CREATED: "A key was made",
    EventType.AUTHN_TOKEN_REUSE: "A session was ended: its replaced key was used again",
    EventType.AUTHN_TOKEN_REVOKED: "A key was revoked",
    EventType.AUTHZ_ADMIN: "An administrator acted on the account",
    EventType.AUTHZ_CHANGE: "The role was changed",
    EventType.SESSION_LOGOUT: "Signed out",
    EventType.USER_CREATED: "The account was made",
    EventType.USER_UPDATED: "The account was changed",
}
_OWNERS = {"", "owner", "mailed code"}
"""What flows say of who did it when it was the owner."""
_ADMINISTRATORS = {EventType.AUTHZ_ADMIN, EventType.AUTHZ_CHANGE}


class OwnEvent(BaseModel):
    """Something that happened to the caller's account."""

    at: datetime
    event: str = Field(description="A name of the OWASP Logging Vocabulary.")
    what: str = Field(description="The same in words of ours.")
    by: str = Field(description="`account` for whoever used the account or tried to, or `administrator`.")
    address: str | None = Field(description="Where it came from; null when an administrator did it, or it is not kept.")
    device: str | None = Field(description="In words of ours, as in Firefox on Linux.")

    @classmethod
    def of(cls, row: StoredEvent) -> Self:
        """The view of one event. Who the administrator is and where they sit is not the owner's business."""
        told = content_of(row)
        details = told.get("details") or {}
        by = str(details.get("by", ""))
        kind = EventType(row.type)
        foreign = kind in _ADMINISTRATORS or by not in {*_OWNERS, row.who}
        agent = told.get("useragent")
        return cls(
            at=_when(row),
            event=kind,
            what=_WORDS[kind],
            by="administrator" if foreign else "account",
            address=None if foreign else told.get("source_ip"),
            device=None if foreign or not agent else described(agent),
        )


class OwnEvents(BaseModel):
    """One page of what happened to the caller's account."""

    items: list[OwnEvent]
    next: str | None = Field(description="Cursor of the next page; null on the last one.")
    total: int | None = Field(description="Exact up to 10,000, else null.")

    @classmethod
    def of(cls, page: EventPage) -> Self:
        """The view of a page."""
        return cls(items=[OwnEvent.of(row) for row in page.items], next=page.next, total=page.total)


class ManagedEvent(BaseModel):
    """One event as administrators see it. `seq` is its number in the chain."""

    seq: int
    at: datetime
    event: str
    level: str
    who: str | None = Field(description="The id of the account concerned.")
    reason: str | None
    details: dict[str, Any]
    request_id: str | None
    route: str | None
    address: str | None
    agent: str | None = Field(description="The User-Agent: a stranger's text.")
    erased: bool

    @classmethod
    def of(cls, row: StoredEvent) -> Self:
        """The view of one event."""
        told = content_of(row)
        return cls(
            seq=row.seq,
            at=_when(row),
            event=row.type,
            level=row.level,
            who=row.who,
            reason=told.get("reason"),
            details=told.get("details") or {},
            request_id=told.get("request_id"),
            route=told.get("route"),
            address=told.get("source_ip"),
            agent=told.get("useragent"),
            erased=row.content is None,
        )


class ManagedEvents(BaseModel):
    """One page of events."""

    items: list[ManagedEvent]
    next: str | None = Field(description="Cursor of the next page; null on the last one.")
    total: int | None = Field(description="Exact up to 10,000, else null.")

    @classmethod
    def of(cls, page: EventPage) -> Self:
        """The view of a page."""
        return cls(items=[ManagedEvent.of(row) for row in page.items], next=page.next, total=page.total)


def _when(row: StoredEvent) -> datetime:
    return datetime.fromtimestamp(row.at, UTC)
