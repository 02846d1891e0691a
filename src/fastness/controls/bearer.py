"""Bearer tokens in the Authorization header (RFC 6750 section 2.1): the only place that reads that header."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from fastness.core.declare import provides
from fastness.core.errors import BadRequest, InvalidToken
from fastness.core.exchange import Exchange
from fastness.core.principal import Principal

Verify = Callable[[bytes], Principal]
"""Turns a raw token into a principal, or raises `InvalidToken`."""

Check = Callable[[Principal], Awaitable[None] | None]
"""A last question about a verified principal; raises `InvalidToken` when it was revoked."""


@provides("bearer")
class Bearer:
    """An authenticator: `Authorization: Bearer <token>`, the scheme in any case, the token verified once.

    Tokens in the query string or body are never read (RFC 9700 section 4.3.2).
    """

    def __init__(self, verify: Verify, *, check: Check | None = None) -> None:
        self._verify, self._check = verify, check

    def __call__(self, exchange: Exchange) -> Principal | Awaitable[Principal | None] | None:
        """The principal, or None when there is no bearer credential.

        Raises:
            InvalidToken: the token is not good.
            BadRequest: more than one Authorization header.
        """
        raw = exchange.headers.get(b"authorization")
        if raw is None:
            return None
        scheme, _, token = raw.partition(b" ")
        if scheme.lower() != b"bearer":
            return None
        if len(exchange.headers) != len(exchange.scope["headers"]) and exchange.repeated(b"authorization"):
            raise BadRequest("more than one Authorization header")
        token = token.strip(b" ")
        if not token:
            raise InvalidToken("empty bearer token")
        who = self._verify(token)
        waiting = self._check(who) if self._check is not None else None
        return who if waiting is None else self._after(waiting, who)

    def carrier(self, exchange: Exchange) -> str | None:
        """Where the credential is: a request with credentials in two places is refused."""
        raw = exchange.headers.get(b"authorization", b"")
        return "authorization" if raw[:6].lower() == b"bearer" and raw[6:7] in {b" ", b""} else None

    async def _after(self, waiting: Awaitable[None], who: Principal) -> Principal:
        await waiting
        return who
