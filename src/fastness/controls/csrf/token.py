"""The token: an HMAC over random bytes and the session id, different each time it is shown."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
from typing import Annotated

from fastapi import Depends
from starlette.requests import HTTPConnection

from fastness.core.exchange import Exchange, of
from fastness.core.keys import KeyRing

_RANDOM = 16
_LENGTH = 64  # 16 random bytes and 32 of HMAC-SHA-256, as base64url without padding
_CHARACTERS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


class CsrfTokens:
    """Makes and checks tokens. Nothing is stored and no second cookie is needed: the key and the session id decide.

    The random part is fresh in every token, so that compression tells nothing about it (BREACH), and the session id is
    not in it. Keys rotate with the ring.
    """

    def __init__(self, ring: KeyRing) -> None:
        self._current = ring.current("csrf")
        self._keys = ring.every("csrf")

    def make(self, session: str) -> str:
        """A token for the session with this id."""
        return self._spelt(os.urandom(_RANDOM), session)

    def good(self, token: bytes, session: str) -> bool:
        """Whether the token was made for this session. Never raises, whatever the token."""
        if len(token) != _LENGTH or token.translate(None, _CHARACTERS):
            return False
        raw = base64.urlsafe_b64decode(token)
        message = raw[:_RANDOM] + session.encode("utf-8", "surrogatepass")
        good = False
        for key in self._keys:
            good |= hmac.compare_digest(raw[_RANDOM:], hmac.digest(key, message, hashlib.sha256))
        return good

    def _spelt(self, random: bytes, session: str) -> str:
        tag = hmac.digest(self._current, random + session.encode("utf-8", "surrogatepass"), hashlib.sha256)
        return base64.urlsafe_b64encode(random + tag).decode("ascii")


def bound_to(exchange: Exchange) -> str | None:
    """What tokens of this request are bound to: the session id, or the cookie's digest where sessions have no id."""
    if exchange.cookie is None:
        return None
    who = exchange.principal
    if who is not None and who.session:
        return f"session {who.session}"
    return f"cookie {hashlib.sha256(exchange.cookie).hexdigest()}"


def csrf_token(connection: HTTPConnection, *, session: str | None = None) -> str:
    """A CSRF token for a page or an answer.

    In a template: `<input type="hidden" name="csrf_token" value="{{ csrf_token(request) }}">`. Empty where no session cookie authenticated the request, because nothing will ask for it. `session` is the id of a
    session that this very request opens, as its principals will have it.
    """
    exchange = of(connection.scope)
    if exchange is None or exchange.csrf is None:
        return ""
    bound = bound_to(exchange) if session is None else f"session {session}"
    return "" if bound is None else exchange.csrf(bound)


async def _given(connection: HTTPConnection) -> str:
    return csrf_token(connection)


CsrfToken = Annotated[str, Depends(_given)]
"""The CSRF token as a dependency; empty where none is needed."""
