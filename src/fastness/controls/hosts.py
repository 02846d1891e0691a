"""Only hosts of this service are answered, and headers that must be unique are.

A forged Host poisons redirects, links and caches (CVE-2026-48710 in Starlette's `request.url`); two Host or
Content-Length headers let two parsers see two requests. RFC 9110 section 7.2, RFC 9112 section 3.2; ASVS 5.0 4.2.1.
"""

from __future__ import annotations

import re
from ipaddress import AddressValueError, IPv6Address

from pydantic import BaseModel, Field

from fastness.core.declare import provides
from fastness.core.errors import BadRequest, UnsafeConfiguration
from fastness.core.events import Event, EventType, Level, Sink, silent
from fastness.core.exchange import Exchange, Quiet

_LABELS = r"[a-z0-9](?:[a-z0-9_-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9_-]{0,61}[a-z0-9])?)*"
_HOST = re.compile(rf"({_LABELS}|\[[0-9a-f:.]{{2,45}}\])(?::([0-9]{{1,5}}))?")
_RULE = re.compile(rf"(?:\*\.)?{_LABELS}|\[[0-9a-f:.]{{2,45}}\]")
_LOCAL = ("localhost", "127.0.0.1", "[::1]", "testserver")
_UNIQUE = (b"host", b"authorization", b"content-length", b"content-type", b"origin", b"transfer-encoding")
_LONGEST, _MEMORY, _PORTS = 255 + 6, 1024, 65_535


class HostSettings(BaseModel, frozen=True):
    """FASTNESS_HOSTS__*"""

    allowed: tuple[str, ...] = Field(
        default=(),
        description=(
            "Hosts this service answers for: `api.example.com`, `*.example.com` (subdomains, not the domain itself) or "
            "`[2001:db8::1]`, without scheme and port. Empty: localhost, 127.0.0.1, [::1] and testserver only."
        ),
    )

    def problems(self, *, production: bool) -> list[UnsafeConfiguration]:
        """Rules that are no host, and in production an empty list or one that lets everything in."""
        found = [
            _problem(
                "an allowed host is not a host name",
                "Write the name alone, in lower case: api.example.com, *.example.com or [2001:db8::1].",
            )
            for rule in self.allowed
            if rule != "*" and _RULE.fullmatch(rule.lower()) is None
        ]
        if production and "*" in self.allowed:
            found.append(_problem("every host is allowed", "List the hosts people use to reach this service."))
        if production and not self.allowed:
            found.append(_problem("no host is allowed", "Set FASTNESS_PUBLIC_URL, or list the hosts here."))
        return found


class BadHost(BadRequest):
    """The Host header is missing, malformed or not one of this service's."""

    code, public = "bad_host", "The Host header does not name this service."


@provides("hosts")
class Hosts(Quiet):
    """Refuses foreign hosts with 400 `bad_host` and repeated one-time headers with 400 `bad_request`."""

    def __init__(self, settings: HostSettings | None = None, *, emit: Sink = silent) -> None:
        """Raises `UnsafeConfiguration` for a rule that is not a host."""
        chosen = settings or HostSettings()
        for problem in chosen.problems(production=False):
            raise problem
        self.problems = chosen.problems
        self.allowed = chosen.allowed or _LOCAL
        rules = {rule.lower() for rule in self.allowed}
        self._any = "*" in rules
        self._exact = frozenset(_canonical(rule) for rule in rules if not rule.startswith("*"))
        self._suffixes = tuple(rule[1:] for rule in rules if rule.startswith("*."))
        self._emit = emit
        self._good: set[bytes] = set()

    def enter(self, exchange: Exchange, /) -> None:
        """Raise `BadHost` or `BadRequest`, or let the request pass."""
        if len(exchange.scope["headers"]) != len(exchange.headers):
            self._refuse_repeated(exchange)
        host = exchange.headers.get(b"host", b"")
        if host in self._good:
            return
        if not self._allows(host):
            shown = host[:_LONGEST].decode("latin-1")
            self._emit(
                Event(EventType.MALICIOUS_HOST, level=Level.WARN, reason="foreign host", details={"host": shown})
            )
            raise BadHost("host missing, malformed or not allowed")
        if len(self._good) < _MEMORY:
            self._good.add(host)

    def _refuse_repeated(self, exchange: Exchange) -> None:
        # RFC 9113 section 8.2.3 lets HTTP/2 split Cookie; RFC 6265 section 5.4 forbids it in HTTP/1.
        unique = (*_UNIQUE, b"cookie") if exchange.scope.get("http_version", "1.1")[:1] == "1" else _UNIQUE
        for name in unique:
            if exchange.repeated(name):
                raise BadRequest(f"{name.decode()} is repeated")

    def _allows(self, raw: bytes) -> bool:
        match = _HOST.fullmatch(raw.decode("latin-1").lower()) if len(raw) <= _LONGEST else None
        if match is None or int(match[2] or 0) > _PORTS:
            return False
        name = _canonical(match[1])
        return bool(name) and (self._any or name in self._exact or name.endswith(self._suffixes))


def _canonical(name: str) -> str:
    if not name.startswith("["):
        return name
    try:
        return f"[{IPv6Address(name[1:-1])}]"
    except AddressValueError:
        return ""


def _problem(what: str, fix: str) -> UnsafeConfiguration:
    return UnsafeConfiguration(
        what,
        where="FASTNESS_HOSTS__ALLOWED",
        why="Redirects, links and caches follow the Host header, and anyone can write one.",
        fix=fix,
    )
