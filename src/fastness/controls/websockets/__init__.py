"""WebSockets and event streams: who may open one, how much it may send, and when it must end."""

from __future__ import annotations

from fastness.controls.websockets.element import WebSockets
from fastness.controls.websockets.refusals import ForeignOrigin, SessionEnded
from fastness.controls.websockets.settings import WebSocketSettings

__all__ = ["ForeignOrigin", "SessionEnded", "WebSocketSettings", "WebSockets"]
