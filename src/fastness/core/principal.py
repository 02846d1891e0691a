"""Who is asking, and how and when they proved it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Principal:
    """The authenticated caller of one request. Holds no secret, so it may be logged by id.

    Times are Unix seconds.
    """

    id: str
    roles: frozenset[str] = frozenset()
    permissions: frozenset[str] = frozenset()
    session: str | None = None
    """The session id (`sid`), which logout revokes."""
    token: str | None = None
    """The token id (`jti`)."""
    version: int = 0
    """The account's version when the token was issued; a newer one on file ends this token."""
    authenticated_at: float = 0.0
    """When the person last proved who they are (`auth_time`)."""
    methods: tuple[str, ...] = ()
    """How they proved it (`amr`, RFC 8176)."""
    expires_at: float = float("inf")
    scheme: str = "bearer"
    """Which authenticator said so: bearer, cookie or apikey."""
    claims: Mapping[str, Any] = field(default_factory=dict[str, Any], repr=False, compare=False)
