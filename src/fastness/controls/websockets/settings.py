"""What a connection that stays open may do, and how often it is asked who it is."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field

from fastness.core.errors import UnsafeConfiguration
from fastness.core.origins import wrong_origin
from fastness.core.store import Rate

_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")


def _rate_or_off(text: str) -> str:
    return str(Rate.parse(text)) if text.strip() else ""


RateOrOff = Annotated[str, AfterValidator(_rate_or_off)]
"""`"600/minute"`, or `""` for no limit."""


class WebSocketSettings(BaseModel, frozen=True, extra="forbid"):
    """FASTNESS_WEBSOCKETS__*"""

    origins: tuple[str, ...] = Field(
        default=(),
        description="Origins whose pages may open WebSockets, such as `https://app.example.com`, besides the public URL's "
        "own and the exact ones of CORS. Without any of the three, pages of the host that the handshake names.",
    )
    max_message_size: int = Field(
        default=65_536, ge=1, le=16_777_216, description="Bytes of one message, however many frames it came in."
    )
    messages_per_connection: RateOrOff = Field(
        default="600/minute", description="Messages of one connection; empty turns it off."
    )
    messages_per_user: RateOrOff = Field(
        default="1200/minute",
        description="Messages of one user over all connections (of one address, where nobody signed in), counted in the "
        "store of the limits; empty turns it off.",
    )
    connections_per_user: int = Field(default=20, ge=1, description="Open connections of one user in one worker.")
    connections_per_address: int = Field(
        default=100,
        ge=1,
        description="Open connections of one address (IPv6: one /64) in one worker, while nobody signed in on them.",
    )
    recheck: float = Field(
        default=30.0,
        gt=0,
        le=1800,
        description="Seconds after which an open connection or event stream must prove again who it is.",
    )
    idle_timeout: float = Field(
        default=600.0, gt=0, le=86_400, description="Seconds without a message in either direction."
    )
    first_message: bool = Field(
        default=True,
        description="Whether a page of an allowed origin may open a WebSocket without credential and send its token as "
        'the first message, `{"token": "..."}`.',
    )
    first_message_timeout: float = Field(
        default=10.0, gt=0, le=60, description="Seconds that such a page has for its first message."
    )
    subprotocols: tuple[str, ...] = Field(
        default=(),
        description="What to agree on when the first message is awaited and the page offers subprotocols: the first "
        "offered one in this list.",
    )

    def problems(self, *, production: bool) -> list[UnsafeConfiguration]:
        """Origins that are none, or that anybody can have; subprotocols that are no token."""
        found = [
            _problem(*wrong, key="ORIGINS")
            for origin in self.origins
            if (wrong := wrong_origin(origin, production=production)) is not None
        ]
        if not all(_TOKEN.fullmatch(name) for name in self.subprotocols):
            found.append(
                _problem("a subprotocol is no token", "Write its name as the page does: chat.v1.", key="SUBPROTOCOLS")
            )
        return found


def _problem(what: str, fix: str, *, key: str) -> UnsafeConfiguration:
    return UnsafeConfiguration(
        what,
        where=f"FASTNESS_WEBSOCKETS__{key}",
        why="Browsers open WebSockets across origins, with cookies and without asking first.",
        fix=fix,
    )
