"""The JSON of sessions and devices."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Self

from pydantic import BaseModel, Field

from fastness.accounts.flows.client import described
from fastness.accounts.models import KnownDevice, Session


class OwnSession(BaseModel):
    """One session of the caller. `id` ends it and is no credential."""

    id: str
    current: bool
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime
    address: str
    device: str = Field(description="In words of ours, as in Firefox on Linux.")
    methods: list[str] = Field(description="How the caller proved who they are (RFC 8176).")


class SessionList(BaseModel):
    """The caller's sessions."""

    items: list[OwnSession]
    next: None = None
    total: int

    @classmethod
    def of(cls, sessions: tuple[Session, ...], *, current: str | None) -> Self:
        """The view of a list."""
        items = [
            OwnSession(
                id=one.id,
                current=one.id == current,
                created_at=_when(one.created_at),
                last_used_at=_when(one.last_used_at),
                expires_at=_when(one.idle_expires_at),
                address=one.address,
                device=described(one.agent),
                methods=list(one.methods),
            )
            for one in sessions
        ]
        return cls(items=items, total=len(items))


class OwnDevice(BaseModel):
    """One device that the caller signed in from."""

    id: str
    created_at: datetime
    expires_at: datetime
    address: str
    device: str = Field(description="In words of ours, as in Firefox on Linux.")


class DeviceList(BaseModel):
    """The caller's devices."""

    items: list[OwnDevice]
    next: None = None
    total: int

    @classmethod
    def of(cls, devices: tuple[KnownDevice, ...]) -> Self:
        """The view of a list."""
        items = [
            OwnDevice(
                id=one.id,
                created_at=_when(one.created_at),
                expires_at=_when(one.expires_at),
                address=one.address,
                device=described(one.agent),
            )
            for one in devices
        ]
        return cls(items=items, total=len(items))


def _when(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
