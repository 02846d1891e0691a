"""A request body has a limit, with or without Content-Length, and whatever the application does with it.

1 MiB unless a route says otherwise. A body that announces too much is refused before it is read; one that grows too
large is cut off, and the 413 wins over any answer the application makes of it. The connection stays open: the server
reads the rest and throws it away, so that the client and a proxy in front see the 413 instead of a reset.
RFC 9110 section 15.5.14; OWASP API4:2023; ASVS 5.0 5.2.1, 15.2.2.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import Request
from pydantic import BaseModel, BeforeValidator, Field
from starlette.exceptions import HTTPException

from fastness.core.declare import limits_body, provides
from fastness.core.errors import BadRequest, Refused
from fastness.core.exchange import Exchange, Message, Quiet, Receive, of
from fastness.core.size import size

__all__ = ["Body", "BodyLimit", "BodySettings", "BodyTooLarge", "body_limit", "size"]

_DIGITS = 18
_BODILESS = frozenset({"GET", "HEAD"})


class BodySettings(BaseModel, frozen=True):
    """FASTNESS_BODY__*"""

    max_bytes: Annotated[int, BeforeValidator(size), Field(ge=0)] = Field(
        default=2**20, description="Largest request body, in bytes or as `1 MiB`, where the route sets no other limit."
    )


class BodyTooLarge(Refused):
    """The request body is larger than this route allows."""

    code, status, public = "body_too_large", 413, "The request body is too large."

    def __init__(self, limit: int) -> None:
        """`limit` in bytes; the answer names it, so that a client can do better."""
        super().__init__(f"more than {limit} bytes", members={"max_bytes": limit})


@provides("body")
class Body(Quiet):
    """Refuses with 413 `body_too_large`, and with 400 a Content-Length that is no length or is repeated."""

    def __init__(self, settings: BodySettings | None = None) -> None:
        self.max_bytes = (settings or BodySettings()).max_bytes

    def enter(self, exchange: Exchange, /) -> None:
        """Check the announced length, and count what arrives: an announcement may lie."""
        scope = exchange.scope
        if scope["type"] != "http":
            return
        announced = exchange.headers.get(b"content-length")
        if announced is None and scope["method"] in _BODILESS and _has_no_body(exchange):
            return
        rule = exchange.rule
        limit: int = self.max_bytes if rule is None or rule.body_limit is None else rule.body_limit
        if announced is not None:
            if not announced.isdigit() or exchange.repeated(b"content-length"):
                raise BadRequest("Content-Length is not one number")
            if len(announced) > _DIGITS or int(announced) > limit:
                raise BodyTooLarge(limit)
        exchange.receive = _counted(exchange, limit)


class BodyLimit:
    """What `body_limit` returns: a declaration with `max_bytes`, and a dependency that works without the chain."""

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        limits_body(self, max_bytes)

    async def __call__(self, request: Request) -> None:
        """Raise 413 when the body is too large; count one that is still to be read."""
        exchange = of(request.scope)
        if exchange is not None and exchange.rule is not None and exchange.rule.body_limit is not None:
            return
        announced = request.headers.get("content-length", "0")
        known = len(getattr(request, "_body", b""))
        if known > self.max_bytes or not announced.isdecimal() or int(announced[:_DIGITS]) > self.max_bytes:
            self._refuse(exchange)
        request._receive = self._counted(exchange, request._receive)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]

    def settled(self, exchange: Exchange, /) -> bool:
        """Whether the chain counts the body."""
        return exchange.rule is not None and exchange.rule.body_limit is not None

    def answer(self, exchange: Exchange, /) -> None:
        """Nothing, as ever."""

    def _counted(self, exchange: Exchange | None, receive: Receive) -> Receive:
        read = 0

        async def counting() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > self.max_bytes:
                self._refuse(exchange)
            return message

        return counting

    def _refuse(self, exchange: Exchange | None) -> None:
        if exchange is None:  # nobody renders our own refusals here; FastAPI knows this one
            raise HTTPException(BodyTooLarge.status, BodyTooLarge.public)
        raise BodyTooLarge(self.max_bytes)


def body_limit(most: int | str) -> BodyLimit:
    """A route's own limit: `@app.post("/upload", dependencies=[Depends(body_limit("10 MiB"))])`.

    Under `secure(app)` it replaces the default, larger or smaller. Alone it can only be smaller than what runs around
    it, and FastAPI has read a JSON or form body before any dependency runs.

    Raises:
        ValueError: when `most` is not a size.
    """
    return BodyLimit(size(most))


def _has_no_body(exchange: Exchange) -> bool:
    # RFC 9112 section 6.3: a request of HTTP/1 without both headers ends where its headers end.
    return b"transfer-encoding" not in exchange.headers and exchange.scope.get("http_version", "")[:1] == "1"


def _counted(exchange: Exchange, limit: int) -> Receive:
    receive, read = exchange.receive, 0

    async def counting() -> Message:
        nonlocal read
        message = await receive()
        read += len(message.get("body", b""))
        if read > limit:
            # FastAPI turns any exception of a body into its own 400; `replace` wins over that.
            exchange.replace = exchange.replace or BodyTooLarge(limit)
            raise exchange.replace
        return message

    return counting
