"""Requests that no ordinary client makes are refused before a route is looked for.

A path that one parser decodes twice, a method that reads back headers, a header that renames the request: each is a way
for a proxy and the application to see two different requests. RFC 9110 sections 9.1, 10.1.1 and 14.2, RFC 9112 section
6.1, RFC 3986 section 5.2.4; ASVS 5.0 4.1.4, 4.2.1.
"""

from __future__ import annotations

import re
from typing import NoReturn
from urllib.parse import quote, unquote_to_bytes

from pydantic import BaseModel, Field

from fastness.core.declare import provides
from fastness.core.errors import BadRequest, Refused, UnsafeConfiguration
from fastness.core.events import Event, EventType, Level, Sink, silent
from fastness.core.exchange import Exchange, Quiet

_TOKEN = re.compile(r"[A-Z][A-Z0-9!#$%&'*+.^_`|~-]*")
_ECHOING = frozenset({"TRACE", "TRACK", "CONNECT", "DEBUG"})
# Segments of unreserved characters, none of them a dot segment: nothing is left to decode.
_PLAIN = re.compile(rb"(?:/(?!\.\.?(?:[/;]|\Z))[A-Za-z0-9._~!$&'()*+,;=:@-]*)+")
_DOTS = re.compile(rb"(?:\A|/)\.\.?(?:[/;]|\Z)")
_UNREADABLE = re.compile(rb"[\x00-\x20\x7f\\]")
_BROKEN = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_SEPARATORS = re.compile(rb"%(?:2[fF]|5[cC])")
_ENCODED = re.compile(rb"%[0-9A-Fa-f]{2}")
_RENAMING = frozenset(
    {
        b"x-http-method", b"x-http-method-override", b"x-method-override",
        b"x-original-url", b"x-original-uri", b"x-rewrite-url",
    }
)  # fmt: skip
_ONCE = (b"transfer-encoding", b"expect", b"range")
_WATCHED = _RENAMING.union(_ONCE)
_NAMES = 4096
_LONGEST_NAME = 256
_RANGES = 10
_SHOWN = 120


class OdditySettings(BaseModel, frozen=True):
    """FASTNESS_ODDITIES__*"""

    methods: tuple[str, ...] = Field(
        default=("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "QUERY"),
        description="Methods that reach the routes; TRACE, TRACK, DEBUG and CONNECT never do.",
    )
    max_path: int = Field(default=8192, ge=64, le=65_536, description="Bytes of a path, as sent.")
    max_query: int = Field(default=8192, ge=0, le=65_536, description="Bytes of a query string.")
    max_headers: int = Field(default=100, ge=10, le=1000, description="Header lines.")
    max_header_bytes: int = Field(default=32_768, ge=1024, le=2**20, description="Bytes of all header values together.")
    allow_encoded_slash: bool = Field(
        default=False, description="Let `%2F` in a path through. The router sees it as `/`; a proxy in front may not."
    )

    def problems(self, *, production: bool) -> list[UnsafeConfiguration]:  # noqa: ARG002 - every settings class has it
        """Methods that are none, and those that hand back what a browser must not read."""
        if all(_TOKEN.fullmatch(method) and method not in _ECHOING for method in self.methods) and self.methods:
            return []
        return [
            UnsafeConfiguration(
                "a method is no method, or one that must not be served",
                where="FASTNESS_ODDITIES__METHODS",
                why="TRACE gives back a request with its cookies, and CONNECT makes a proxy of the server.",
                fix="List method names in capitals, without TRACE, TRACK, DEBUG and CONNECT.",
            )
        ]


class MethodRefused(Refused):
    """A method that no route here has."""

    code, status, public = "method_not_allowed", 405, "This method is not allowed here."


class UriTooLong(Refused):
    """The path or the query is longer than any route needs."""

    code, status, public = "uri_too_long", 414, "The address is too long."


class ExpectationFailed(Refused):
    """An expectation other than 100-continue."""

    code, status, public = "expectation_failed", 417, "The expectation of this request cannot be met."


class HeadersTooLarge(Refused):
    """More header lines, or larger ones, than any client needs (RFC 6585 section 5)."""

    code, status, public = "headers_too_large", 431, "The request has too many or too large headers."


@provides("oddities")
class Oddities(Quiet):
    """Refuses odd methods, paths and headers with 400, 405, 414, 417 or 431; drops headers that rename the request."""

    def __init__(self, settings: OdditySettings | None = None, *, emit: Sink = silent) -> None:
        """Raises `UnsafeConfiguration` for a method that must not be served."""
        chosen = settings or OdditySettings()
        for problem in chosen.problems(production=False):
            raise problem
        self._settings, self._emit = chosen, emit
        self._methods = frozenset(chosen.methods)
        self._most, self._size = chosen.max_headers, chosen.max_header_bytes
        self._path, self._query = chosen.max_path, chosen.max_query
        self._ordinary: set[bytes] = set()

    def enter(self, exchange: Exchange, /) -> None:
        """Let ordinary requests pass.

        Raises:
            Refused: one of this module's, or `BadRequest`.
        """
        scope, headers = exchange.scope, exchange.headers
        if scope.get("method", "GET") not in self._methods:
            allowed = {"Allow": ", ".join(self._settings.methods)}
            self._refuse(MethodRefused("a method that nobody serves", headers=allowed), scope["method"])
        raw = scope.get("raw_path") or quote(scope["path"], errors="surrogatepass").encode()
        if len(raw) > self._path or len(scope["query_string"]) > self._query:
            self._refuse(UriTooLong("the path or the query is too long"), "")
        if _PLAIN.fullmatch(raw) is None:
            self._judge_path(raw)
        if len(scope["headers"]) > self._most or _size(exchange) > self._size:
            self._refuse(HeadersTooLarge("too many or too large headers"), "")
        if not self._ordinary.issuperset(headers):
            self._meet(exchange)

    def _judge_path(self, raw: bytes) -> None:
        why = ""
        decoded = unquote_to_bytes(raw)
        if not raw.startswith(b"/"):
            why = "the target is no path"
        elif not raw.isascii() or _BROKEN.search(raw):
            why = "the path is not percent-encoded as it must be"
        elif _ENCODED.search(decoded):
            why = "the path is encoded twice"
        elif _UNREADABLE.search(decoded.replace(b" ", b"")) or b" " in raw:
            why = "the path has control characters or backslashes"
        elif _SEPARATORS.search(raw) and not self._settings.allow_encoded_slash:
            why = "the path hides a slash"
        elif _DOTS.search(decoded):
            why = "the path has dot segments"
        else:
            try:
                decoded.decode()
            except UnicodeDecodeError:
                why = "the path is not UTF-8"
        if why:
            self._refuse(BadRequest(why), raw[:_SHOWN].decode("latin-1"))

    def _meet(self, exchange: Exchange) -> None:
        headers = exchange.headers
        for name in _ONCE:
            if exchange.repeated(name):  # the other line may have been read, or the last one hides it
                self._refuse(BadRequest(f"{name.decode()} is repeated"), "")
        http1 = exchange.scope.get("http_version", "1.1")[:1] == "1"
        if b"transfer-encoding" in headers and (
            b"content-length" in headers or headers[b"transfer-encoding"].strip().lower() != b"chunked"
        ):
            # A proxy may have read the other one, so nothing after this request is trusted (RFC 9112 section 6.3).
            close = {"Connection": "close"} if http1 else {}
            self._refuse(BadRequest("the body has two lengths, or none that is known", headers=close), "")
        if headers.get(b"expect", b"100-continue").lower() != b"100-continue":
            self._refuse(ExpectationFailed("an unknown expectation"), "")
        if headers.get(b"range", b"").count(b",") >= _RANGES:
            self._refuse(BadRequest("too many ranges"), "")
        names = set(headers)
        if max(map(len, names), default=0) > _LONGEST_NAME:
            self._refuse(HeadersTooLarge("a header name is too long"), "")
        if not names.isdisjoint(_RENAMING):
            kept = [header for header in exchange.scope["headers"] if header[0] not in _RENAMING]
            exchange.scope["headers"], exchange.headers = kept, dict(kept)
        if len(self._ordinary) + len(names) <= _NAMES:
            self._ordinary |= names - _WATCHED

    def _refuse(self, refused: Refused, shown: str) -> NoReturn:
        details = {"shown": shown[:_SHOWN]} if shown else {}
        self._emit(Event(EventType.MALICIOUS_REQUEST, level=Level.WARN, reason=refused.reason, details=details))
        raise refused


def _size(exchange: Exchange) -> int:
    raw = exchange.scope["headers"]
    once = len(raw) == len(exchange.headers)
    return len(b"".join(exchange.headers.values() if once else [value for _, value in raw]))
