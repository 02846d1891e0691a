"""The element: is this request our own page's, and does it carry its session's token?"""

from __future__ import annotations

from collections.abc import Awaitable, Iterable
from typing import Literal
from urllib.parse import parse_qsl

from fastness.controls.csrf.form import is_form, token_of_form
from fastness.controls.csrf.settings import CsrfSettings
from fastness.controls.csrf.token import CsrfTokens, bound_to
from fastness.core.declare import provides, session_opening
from fastness.core.errors import Forbidden, Refused
from fastness.core.events import Event, EventType, Level, Sink, silent
from fastness.core.exchange import Exchange, Quiet
from fastness.core.keys import KeyRing
from fastness.core.origins import OwnOrigins

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_HEADER = b"x-csrf-token"
_LONGEST = 256

Source = Literal["own", "foreign", "unknown"]


class CrossSiteRequest(Forbidden):
    """A browser says that the request comes from somebody else's page, or does not say where from."""

    code, public = "cross_site_request", "This request did not come from a page of this service."
    event = None  # the element tells more


class BadCsrfToken(Forbidden):
    """The session's token is missing or is not this session's."""

    code = "csrf_token"
    public = "Send this session's CSRF token in the header X-CSRF-Token, or in the form field csrf_token."
    event = None


@provides("csrf")
class Csrf(Quiet):
    """Refuses with 403 what a cookie authenticated and no page of ours sent. Put it behind the authentication.

    GET, HEAD and OPTIONS pass; they must change nothing. A WebSocket that a cookie authenticates needs an exact Origin.

    Args:
        ring: the secrets that tokens are made from, so that every worker knows them.
        origins: our own origin; the request's host where none is known.
        this_host: whether pages of the host that a request names are our own although origins are known.
    """

    def __init__(
        self,
        settings: CsrfSettings | None = None,
        *,
        ring: KeyRing,
        origins: Iterable[str] = (),
        this_host: bool = False,
        emit: Sink = silent,
    ) -> None:
        """Raises `UnsafeConfiguration` for a trusted origin that is none."""
        chosen = settings or CsrfSettings()
        for problem in chosen.problems(production=False):
            raise problem
        self.problems = chosen.problems
        self._settings, self._emit = chosen, emit
        own = tuple(origins)
        pages = [OwnOrigins(own), *([OwnOrigins(())] if this_host and own else [])]
        self._pages = (*pages, *([OwnOrigins(chosen.trusted_origins)] if chosen.trusted_origins else []))
        self._tokens = CsrfTokens(ring)
        self._make = self._tokens.make

    @property
    def only_logs(self) -> bool:
        """Whether nothing is refused."""
        return self._settings.mode == "log"

    def enter(self, exchange: Exchange, /) -> Awaitable[None] | None:
        """Let the request pass, or raise.

        Raises:
            CrossSiteRequest: it comes from elsewhere, or opens a session without saying where it comes from.
            BadCsrfToken: a cookie authenticated it, and the session's token is missing or another's.
        """
        scope, rule = exchange.scope, exchange.rule
        if exchange.cookie is None:
            if scope["type"] != "http" or scope["method"] in _SAFE or rule is None:
                return None
            opening = session_opening(rule.route.endpoint)
            if opening is not None and rule.access != "inner" and _asked(opening, scope["query_string"]):
                self._opens(exchange)
            return None
        if rule is not None and rule.access == "inner":
            return None  # the mounted application's own chain decides, with its own key
        exchange.csrf = self._make
        if scope["type"] == "websocket":
            if not self._allowed(exchange):
                self._refuse(exchange, CrossSiteRequest("a WebSocket with a session cookie from another origin"))
            return None
        return None if scope["method"] in _SAFE else self._acts(exchange)

    def _opens(self, exchange: Exchange) -> None:
        exchange.csrf = self._make
        # Login CSRF: there is no session yet that a token could be bound to, so the source must be proven by itself.
        if self._source(exchange, referer=False) != "own":
            self._refuse(exchange, CrossSiteRequest("a session may be opened from our own pages only"))

    def _acts(self, exchange: Exchange) -> Awaitable[None] | None:
        rule = exchange.rule
        opening = None if rule is None else session_opening(rule.route.endpoint)
        if opening is not None and _asked(opening, exchange.scope["query_string"]):
            self._opens(exchange)  # a new sign-in: the page that asks for it knows no token of the old session
            return None
        source = self._source(exchange, referer=True)
        if source == "foreign":
            self._refuse(exchange, CrossSiteRequest("not from our own pages"))
            return None
        if source == "own" and self._settings.token == "fallback":  # noqa: S105 - the name of a mode
            return None
        given = exchange.headers.get(_HEADER)
        if given is None and is_form(exchange):
            return self._in_form(exchange)
        self._check(exchange, None if exchange.repeated(_HEADER) else given)
        return None

    async def _in_form(self, exchange: Exchange) -> None:
        self._check(exchange, await token_of_form(exchange, self._settings.form_bytes))

    def _check(self, exchange: Exchange, given: bytes | None) -> None:
        if given is None:
            self._refuse(exchange, BadCsrfToken("no token"))
        elif not self._tokens.good(given, bound_to(exchange) or ""):
            self._refuse(exchange, BadCsrfToken("a token of another session, or none of ours"))

    def _source(self, exchange: Exchange, *, referer: bool) -> Source:
        headers = exchange.headers
        site = headers.get(b"sec-fetch-site")
        if site is not None:  # only a browser writes it, and no script can
            if site in {b"same-origin", b"none"} and not exchange.repeated(b"sec-fetch-site"):
                return "own"
            trusted = site == b"same-site" and (self._settings.same_site or self._allowed(exchange))
            return "own" if trusted else "foreign"
        if b"origin" in headers:
            return "own" if self._allowed(exchange) else "foreign"
        page = headers.get(b"referer")
        if referer and page is not None and exchange.scheme == "https":
            return "own" if any(pages.own_page(page, exchange) for pages in self._pages) else "foreign"
        return "unknown"

    def _allowed(self, exchange: Exchange) -> bool:
        return any(pages.allow(exchange) for pages in self._pages)

    def _refuse(self, exchange: Exchange, refused: Refused) -> None:
        enforced = not self.only_logs
        shown = {
            name.decode(): exchange.headers[name][:_LONGEST].decode("latin-1")
            for name in (b"origin", b"sec-fetch-site")
            if name in exchange.headers
        }
        who = exchange.principal.id if exchange.principal is not None else None
        details = {**shown, "problem": refused.code, "enforced": enforced}
        self._emit(Event(EventType.MALICIOUS_CSRF, who=who, level=Level.WARN, reason=refused.reason, details=details))
        if enforced:
            raise refused


def _asked(opening: tuple[tuple[str, str], ...], query: bytes) -> bool:
    # A repeated parameter counts whichever of them the endpoint reads.
    return not opening or set(opening) <= set(parse_qsl(query.decode("latin-1"), keep_blank_values=True))
