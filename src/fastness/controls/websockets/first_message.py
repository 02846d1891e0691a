"""A page cannot set headers on a WebSocket, so it may send its token as the first message instead."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Sequence
from typing import Any

from fastness.controls.websockets.refusals import BadFirstMessage, NoFirstMessage
from fastness.core.exchange import Exchange, Message
from fastness.core.sockets import Socket

_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")
"""RFC 6750 section 2.1, b64token."""
_LONGEST = 16_384


async def read_token(exchange: Exchange, *, seconds: float, subprotocols: Sequence[str]) -> None:
    """Accept, wait for `{"token": "..."}`, and let the authenticators find it where they find every bearer token.

    Raises:
        NoFirstMessage: it did not come in time, or the page went away.
        BadFirstMessage: it is something else.
    """
    socket: Socket = exchange.socket
    offered: Sequence[str] = exchange.scope.get("subprotocols") or ()
    # A browser that offered some and was given none fails the connection (WHATWG WebSockets, "establish").
    await socket.accept(next((name for name in offered if name in subprotocols), None))
    try:
        async with asyncio.timeout(seconds):
            message = await socket.read()
    except TimeoutError:
        raise NoFirstMessage from None
    if message["type"] != "websocket.receive":
        raise NoFirstMessage
    exchange.headers[b"authorization"] = b"Bearer " + _token(message).encode()


def _token(message: Message) -> str:
    text = message.get("text")
    if not isinstance(text, str) or len(text) > _LONGEST:
        raise BadFirstMessage("binary, or too long")
    try:
        found: object = json.loads(text, object_pairs_hook=_Message)
    except (ValueError, RecursionError):
        raise BadFirstMessage("not JSON") from None  # the text of the error would quote the token
    token = found.get("token") if isinstance(found, _Message) else None
    if not isinstance(token, str) or _TOKEN.fullmatch(token) is None:
        raise BadFirstMessage("no token in it")
    return token


class _Message(dict[str, Any]):
    """An object in which no name occurs twice: two readers would see two tokens."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        if len(self) != len(pairs):
            raise ValueError("a name occurs twice")
