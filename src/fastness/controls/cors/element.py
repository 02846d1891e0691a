"""The element: grants for allowed origins, and the answer to a preflight."""

from __future__ import annotations

import re
from collections.abc import Iterable

from fastness.controls.cors.settings import CorsSettings
from fastness.core.declare import provides
from fastness.core.errors import Forbidden
from fastness.core.events import Event, EventType, Level, Sink, silent
from fastness.core.exchange import Answered, Exchange, Header, Quiet
from fastness.core.origins import ORIGIN, canonical

_VARY = (b"vary", b"Origin")
_GRANTS = frozenset({b"access-control-allow-origin", b"access-control-allow-credentials"})
_WATCHED = _GRANTS | {b"vary"}
_LONGEST, _MEMORY = 256, 1024


class ForeignOrigin(Forbidden):
    """A preflight or a WebSocket comes from an origin that may not read this service."""

    code, public = "origin_not_allowed", "This origin may not use this service from a browser."
    event = None  # the element names the origin


@provides("cors")
class Cors(Quiet):
    """Answers preflights and adds the CORS headers to every answer for an allowed origin."""

    def __init__(self, settings: CorsSettings | None = None, *, emit: Sink = silent, sockets: bool = True) -> None:
        """Raises `UnsafeConfiguration` for settings that let strangers in.

        `sockets` is False where another control decides about WebSockets.
        """
        chosen = settings or CorsSettings()
        for problem in chosen.problems(production=False):
            raise problem
        self.problems, self.origins = chosen.problems, chosen.origins
        self._on = bool(chosen.origins or chosen.origin_patterns)
        self._any = "*" in chosen.origins
        self._patterns = tuple(re.compile(pattern, re.ASCII) for pattern in chosen.origin_patterns)
        self._credentials = ((b"access-control-allow-credentials", b"true"),) if chosen.credentials else ()
        self._exposed = _listed(b"access-control-expose-headers", chosen.exposed)
        self._preflight = (
            *_listed(b"access-control-allow-methods", chosen.methods),
            *_listed(b"access-control-allow-headers", chosen.headers),
            (b"access-control-max-age", str(chosen.max_age).encode()),
        )
        self._emit, self._sockets = emit, sockets
        exact = (canonical(origin) for origin in chosen.origins if origin != "*")
        self._grants = {origin: self._grant(origin) for origin in exact}

    def enter(self, exchange: Exchange, /) -> None:
        """Answer a preflight; refuse a stranger's preflight or WebSocket; let everything else pass."""
        origin = exchange.headers.get(b"origin")
        if origin is None:
            return
        if exchange.scope["type"] == "websocket":
            # Browsers open WebSockets across origins with cookies and without preflight, so this is the only gate.
            if self._sockets and not self._granted(origin) and not _same_host(exchange, origin):
                self._stranger(exchange, origin, "WebSocket from a foreign origin")
                raise ForeignOrigin("WebSocket from a foreign origin")
        elif self._on:
            preflight = exchange.scope["method"] == "OPTIONS" and b"access-control-request-method" in exchange.headers
            if self._granted(origin):
                if preflight:
                    raise Answered(204, self._preflight)
            elif not _same_host(exchange, origin):
                self._stranger(exchange, origin, "foreign origin")
                if preflight:
                    raise ForeignOrigin("preflight of a foreign origin")

    def leave(self, exchange: Exchange, headers: list[Header], /) -> None:
        """Grant, or only say `Vary: Origin`. Grants by the application are taken away, so that one list decides."""
        if not self._on:
            return
        for name, _ in headers:
            if name in _WATCHED:
                self._settle(headers)
                break
        else:
            headers.append(_VARY)
        origin = exchange.headers.get(b"origin")
        if origin is not None:
            headers.extend(self._granted(origin))

    def _settle(self, headers: list[Header]) -> None:
        own = dict(headers)
        if not _GRANTS.isdisjoint(own):
            headers[:] = [header for header in headers if header[0] not in _GRANTS]
        vary = own.get(b"vary", b"")
        if vary != b"*" and b"origin" not in vary.lower():
            headers.append(_VARY)  # a second line is the same list, RFC 9110 section 5.3

    def _granted(self, origin: bytes) -> tuple[Header, ...]:
        known = self._grants.get(origin)
        if known is not None:
            return known
        if self._any:
            return ((b"access-control-allow-origin", b"*"), *self._exposed)
        if not self._patterns or len(origin) > _LONGEST:
            return ()
        text = origin.decode("latin-1")
        if ORIGIN.fullmatch(text) is None or not any(pattern.fullmatch(text) for pattern in self._patterns):
            return ()
        granted = self._grant(origin)
        if len(self._grants) < _MEMORY:
            self._grants[origin] = granted
        return granted

    def _grant(self, origin: bytes) -> tuple[Header, ...]:
        return ((b"access-control-allow-origin", origin), *self._credentials, *self._exposed)

    def _stranger(self, exchange: Exchange, origin: bytes, reason: str) -> None:
        shown = {"origin": origin[:_LONGEST].decode("latin-1"), "kind": exchange.scope["type"]}
        self._emit(Event(EventType.MALICIOUS_CORS, level=Level.WARN, reason=reason, details=shown))


def _same_host(exchange: Exchange, origin: bytes) -> bool:
    # The host alone: behind a proxy the scheme may be unknown, and a page of this host is no stranger.
    scheme, _, host = origin.partition(b"://")
    return bool(host) and scheme in {b"https", b"http"} and host == exchange.headers.get(b"host")


def _listed(name: bytes, values: Iterable[str]) -> tuple[Header, ...]:
    joined = ", ".join(values).encode()
    return ((name, joined),) if joined else ()
