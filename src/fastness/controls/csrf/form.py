"""Looks for the token in a form, and gives the application the whole body all the same."""

from __future__ import annotations

import re

from fastness.core.exchange import Exchange, Message, Receive

FIELD = b"csrf_token"
_PART = re.compile(
    rb'Content-Disposition:[ \t]{0,8}form-data;[ \t]{0,8}name="csrf_token"\r\n\r\n([A-Za-z0-9_-]{1,128})\r\n',
    re.IGNORECASE,
)
_OVERLAP = 256  # longer than anything that _PART matches


def is_form(exchange: Exchange) -> bool:
    """Whether the body is what an HTML form sends, and so can carry the token as a field."""
    return _kind(exchange) in {b"application/x-www-form-urlencoded", b"multipart/form-data"}


async def token_of_form(exchange: Exchange, most: int) -> bytes | None:
    """The form's token, read from about its first `most` bytes; None when it has none there, or several.

    What was read is replayed: `exchange.receive` still gives the whole body. The limit of the body holds as ever, because
    its counter stands below. A forger's body may be parsed in any way: what he cannot write is a good token.
    """
    receive, seen, more = exchange.receive, bytearray(), True
    multipart = _kind(exchange) == b"multipart/form-data"
    scanned, found = 0, None
    last: Message | None = None
    while more and len(seen) < most and found is None:
        message = await receive()
        if message["type"] != "http.request":
            last = message  # the client is gone; the application shall hear of it
            break
        seen += message.get("body", b"")
        more = bool(message.get("more_body"))
        if multipart:
            found = _PART.search(seen, max(0, scanned - _OVERLAP))
            scanned = len(seen)
    body = bytes(seen)
    coming: list[Message] = [{"type": "http.request", "body": body, "more_body": more}]
    exchange.receive = _again(coming if last is None else [*coming, last], receive)
    if multipart:
        return found[1] if found is not None else None
    fields = [part for part in body.split(b"&") if part.startswith(FIELD + b"=")]
    return fields[0].partition(b"=")[2] if len(fields) == 1 else None


def _again(coming: list[Message], receive: Receive) -> Receive:
    async def replayed() -> Message:
        return coming.pop(0) if coming else await receive()

    return replayed


def _kind(exchange: Exchange) -> bytes:
    return exchange.headers.get(b"content-type", b"").partition(b";")[0].strip(b" \t").lower()
