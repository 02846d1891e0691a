"""Why a connection is not opened, or does not stay open."""

from __future__ import annotations

from fastness.core.errors import Forbidden, Refused, TooManyRequests, Unauthenticated


class ForeignOrigin(Forbidden):
    """The page that opens this WebSocket is not one of ours."""

    code, public = "origin_not_allowed", "This origin may not use this service from a browser."
    event = None  # the element names the origin


class TooManyConnections(TooManyRequests):
    """This caller holds as many connections as one may."""

    code, public = "too_many_connections", "Too many open connections. Close one first."


class TooManyMessages(TooManyRequests):
    """Messages come faster than the limit; the connection ends (1008)."""


class MessageTooLarge(Refused):
    """A message is larger than allowed (1009)."""

    code, status, public = "message_too_large", 413, "The message is too large."


class Idle(Refused):
    """Nothing passed for too long (3008)."""

    code, status, public = "idle", 408, "Nothing was sent for too long."


class NoFirstMessage(Refused):
    """The token did not come in time (3008)."""

    code, status, public = "first_message_timeout", 408, "The first message did not come in time."


class BadFirstMessage(Unauthenticated):
    """The first message is not `{"token": "..."}` (3000)."""

    code, public = "bad_first_message", 'The first message must be {"token": "..."}.'


class SessionEnded(Unauthenticated):
    """The session was revoked, the token expired, or the caller's rights changed since the start (3000)."""

    code, public = "session_ended", "The session has ended. Sign in again."
    event = None  # the watch says which
