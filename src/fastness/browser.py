"""Sessions of browsers: the cookie that may sign somebody in, and the protection that it needs from then on."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any

from fastness.controls.access import Authentication
from fastness.controls.cookies import CookieSession, CookieVerify
from fastness.controls.csrf import Csrf
from fastness.controls.tokens import Tokens
from fastness.core.errors import UnsafeConfiguration
from fastness.core.events import Sink, silent
from fastness.core.exchange import Element
from fastness.core.keys import KeyRing
from fastness.core.origins import is_origin
from fastness.identity import Identity
from fastness.parts import Parts


class Browser:
    """Nothing is in the chain until a cookie may sign somebody in; then both controls are.

    Args:
        cookies: what was given to `secure`; True for our own access tokens in the cookie, False for no cookies ever.
        csrf: what was given to `secure` for CSRF protection.
        issuer: our own access tokens.
    """

    def __init__(
        self,
        parts: Parts,
        identity: Identity,
        ring: KeyRing | None,
        *,
        cookies: CookieSession | CookieVerify | bool | None,
        csrf: Any,
        issuer: Tokens | None,
        emit: Sink,
    ) -> None:
        self._parts, self._identity, self._ring, self._given, self._emit = parts, identity, ring, csrf, emit
        self.session: CookieSession | None = None
        """Reads and writes the session cookie; None where no cookie signs anybody in."""
        self.csrf: Csrf | None = None
        self.closed = cookies is False
        """Whether cookie sessions were turned off, so that an account service offers none."""
        if cookies is False:
            parts.off.append("cookies")
        elif cookies is True:
            if issuer is None:
                parts.refuse([_NO_TOKENS])
            else:
                self.use(issuer.verify)
        elif cookies is not None:
            self.use(cookies)
        else:
            for each in identity.authenticators:
                if isinstance(each, CookieSession):
                    self.use(each)

    def use(self, given: CookieSession | CookieVerify) -> CookieSession:
        """Let this session cookie, or one whose value this look-up knows, sign people in.

        Raises:
            ValueError: there is another one already.
        """
        if self.session is not None:
            raise ValueError("a session cookie is in use already: one application has one")
        settings = self._parts.settings

        made: CookieSession
        if isinstance(given, CookieSession):
            made = self._parts.make("cookies", given, settings.cookies, CookieSession)
        else:
            made = self._parts.make("cookies", None, settings.cookies, partial(CookieSession, given), emit=self._emit)
        if made.emit is silent:
            made.emit = self._emit
        self.session = made
        if made not in self._identity.authenticators:
            self._identity.authenticators.append(made)
        self.csrf = self._protection()
        return made

    def around(self, chain: Iterable[Element | None]) -> list[Element]:
        """The elements of a chain as everything stands at its start: an account service may have come since.

        Behind the authentication stand the check for two callers and CSRF protection, where a cookie can sign in.
        """
        callers = [self._identity.element(), self.session, self.csrf]
        every = (e for each in chain for e in (callers if isinstance(each, Authentication) else [each]))
        return [element for element in every if element is not None]

    def _protection(self) -> Csrf | None:
        parts, ring, settings = self._parts, self._ring, self._parts.settings
        if ring is None and self._given is not False:
            parts.refuse([_NO_SECRET])
            return None
        if ring is not None and not settings.secret:
            parts.off.append("a lasting secret (CSRF tokens end with this process)")
        made: Csrf | None = parts.make(
            "csrf",
            self._given,
            settings.csrf,
            Csrf,
            ring=ring,
            origins=[settings.public_url] if is_origin(settings.public_url) else [],
            this_host=not (settings.production and settings.public_url),
            emit=self._emit,
        )
        return made


_NO_SECRET = UnsafeConfiguration(
    "there is no secret to make CSRF tokens from",
    where="FASTNESS_SECRET",
    why="a cookie signs people in, and any page could act in their name",
    fix='run "fastness secret" and set FASTNESS_SECRET',
)

_NO_TOKENS = UnsafeConfiguration(
    "there are no access tokens to put into the session cookie",
    where="secure(app, cookies=True)",
    why="nobody could sign in",
    fix="set FASTNESS_SECRET and leave tokens on, or give cookies= the look-up of your own sessions",
)
