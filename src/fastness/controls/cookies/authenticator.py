"""The authenticator for session cookies, and the check that one request speaks for one caller."""

from __future__ import annotations

import string
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import ClassVar

from fastness.controls.cookies.cookie import SessionCookie
from fastness.controls.cookies.settings import CookieSettings
from fastness.core.declare import provides
from fastness.core.errors import Refused, TwoIdentities, Unauthenticated
from fastness.core.events import Event, EventType, Level, Sink, silent
from fastness.core.exchange import Exchange, Quiet
from fastness.core.principal import Principal

CookieVerify = Callable[[bytes], Principal | Awaitable[Principal | None] | None]
"""Turns the cookie's value into the caller: a look-up of an opaque id, or `Tokens.verify` for signed tokens.

None, or `InvalidToken` raised, when the session is over.
"""

_LONGEST = 4096
_CHARACTERS = (string.ascii_letters + string.digits + "._~-").encode()


@provides("cookies")
class CookieSession(SessionCookie, Quiet):
    """An authenticator and an element: put it among the authenticators, and behind `Authentication` in the chain.

    A session that is over is nobody, not an error: browsers keep sending its cookie, also to pages that are open to all.
    `exchange.cookie` and the principal's `scheme` then say that the browser proved the caller on its own, which is what
    CSRF protection asks.
    """

    ambient: ClassVar[bool] = True

    def __init__(self, verify: CookieVerify, settings: CookieSettings | None = None, *, emit: Sink = silent) -> None:
        """Raises `UnsafeConfiguration` for a cookie name that is none."""
        super().__init__(settings)
        self._verify, self.emit = verify, emit

    def __call__(self, exchange: Exchange) -> Principal | Awaitable[Principal | None] | None:
        """The principal of the session, or None when there is no live one.

        Raises:
            RepeatedSessionCookie: more than one session cookie.
        """
        if b"cookie" not in exchange.headers:
            return None
        value = self.read(exchange)
        if value is None:
            return None
        found = self._ask(value)
        if found is None or isinstance(found, Principal):
            return self._settled(exchange, value, found)
        return self._waited(exchange, value, found)

    def enter(self, exchange: Exchange, /) -> Awaitable[None] | None:
        """Refuse a session cookie beside another credential, unless both speak for the same caller.

        Raises:
            TwoIdentities: they do not, on a route that needs a caller; on others nobody is known.
            RepeatedSessionCookie: more than one session cookie, likewise.
        """
        if exchange.principal is None or exchange.cookie is not None or b"cookie" not in exchange.headers:
            return None
        try:
            value = self.read(exchange)
            found = None if value is None else self._ask(value)
        except Refused as refused:
            _refuse(exchange, refused)
            return None
        if isinstance(found, Principal):
            _compare(exchange, found)
            return None
        return None if found is None else _compare_later(exchange, found)

    def _ask(self, value: bytes) -> Principal | Awaitable[Principal | None] | None:
        if len(value) > _LONGEST or value.translate(None, _CHARACTERS):
            return None  # no value of ours: nobody need look it up
        try:
            return self._verify(value)
        except Unauthenticated:
            return None

    async def _waited(self, exchange: Exchange, value: bytes, found: Awaitable[Principal | None]) -> Principal | None:
        try:
            return self._settled(exchange, value, await found)
        except Unauthenticated:
            return self._settled(exchange, value, None)

    def _settled(self, exchange: Exchange, value: bytes, who: Principal | None) -> Principal | None:
        if who is None:
            self.emit(Event(EventType.AUTHN_TOKEN_FAIL, level=Level.WARN, reason="no live session for the cookie"))
            return None
        exchange.cookie = value
        return who if who.scheme == "cookie" else replace(who, scheme="cookie")


def _compare(exchange: Exchange, other: Principal) -> None:
    if exchange.principal is not None and other.id != exchange.principal.id:
        _refuse(exchange, TwoIdentities("the session cookie belongs to somebody else"))


async def _compare_later(exchange: Exchange, found: Awaitable[Principal | None]) -> None:
    try:
        other = await found
    except Unauthenticated:
        return
    except Refused as refused:
        _refuse(exchange, refused)
        return
    if other is not None:
        _compare(exchange, other)


def _refuse(exchange: Exchange, refused: Refused) -> None:
    # As for any credential: routes that do not use our requirements may know better who calls.
    exchange.principal, exchange.failure = None, refused
    if exchange.rule is not None and exchange.rule.protected:
        raise refused
