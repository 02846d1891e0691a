"""The element, and the networks it believes."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

from pydantic import BaseModel, Field

from fastness.controls.proxies.address import (
    Network,
    forwarded_for,
    hop_address,
    network_of,
    rewritten,
    rewritten_for_loopback,
)
from fastness.core.address import Address, address_of, named
from fastness.core.declare import provides
from fastness.core.errors import BadRequest, UnsafeConfiguration
from fastness.core.events import Event, EventType, Level, Sink, silent
from fastness.core.exchange import Exchange, Quiet

UNKNOWN = "unknown"
"""The one bucket of all clients whose address cannot be known."""

_HOPS, _MEMORY, _LONGEST = 20, 10_000, 64
_NAMES = 500
_FORWARDED_PROTO = b"x-forwarded-proto"
_LOOPBACK = (IPv4Address("127.0.0.1"), IPv6Address("::1"))
_SCHEMES = {("http", b"https"): "https", ("ws", b"https"): "wss", ("ws", b"wss"): "wss"}
_PLAIN = frozenset({b"http", b"ws"})
_DOWNGRADED = {"https": "http", "wss": "ws"}
_DECIDED = "fastness.address"
_WIDEST = {4: 8, 6: 7}
_FRAMING = frozenset({b"transfer-encoding", b"content-length"})


class ProxySettings(BaseModel, frozen=True):
    """FASTNESS_PROXIES__*"""

    trusted_proxies: tuple[str, ...] = Field(
        default=(),
        description=(
            "Networks of the reverse proxies in front, such as `10.0.0.0/8`; `unix` for a proxy that connects over a "
            "Unix socket. Empty: forwarded headers are ignored."
        ),
    )

    def problems(self, *, production: bool) -> list[UnsafeConfiguration]:  # noqa: ARG002 - true in every environment
        """Entries that are no network, or that trust the whole internet."""
        found: list[UnsafeConfiguration] = []
        for entry in self.trusted_proxies:
            if entry == "unix":
                continue
            network = network_of(entry)
            if entry == "*" or (network is not None and network.prefixlen < _WIDEST[network.version]):
                found.append(_problem("half the internet is a trusted proxy", "List the networks of your own proxies."))
            elif network is None:
                found.append(_problem("a trusted proxy is not a network", "Write CIDR: 10.0.0.0/8 or 2001:db8::/32."))
        return found


@provides("proxies")
class Proxies(Quiet):
    """Sets `exchange.client`, `exchange.client_key` and `exchange.scheme`, and the same in the scope."""

    def __init__(self, settings: ProxySettings | None = None, *, emit: Sink = silent) -> None:
        """Raises `UnsafeConfiguration` when the proxies cannot be trusted as written."""
        chosen = settings or ProxySettings()
        for problem in chosen.problems(production=True):
            raise problem
        networks = [network_of(entry) for entry in chosen.trusted_proxies]
        self._networks: tuple[Network, ...] = tuple(network for network in networks if network is not None)
        self._unix = "unix" in chosen.trusted_proxies
        self._trusting = bool(chosen.trusted_proxies)
        self._emit, self._reported = emit, False
        self._known: dict[str, tuple[str, str, bool]] = {}
        self._walked: dict[tuple[bytes, str], str] = {}
        """(X-Forwarded-For, peer) -> the client that they lead to."""
        self._plain_names: set[bytes] = set()
        """Header names met so far that have no underscore."""

    def enter(self, exchange: Exchange, /) -> None:
        """Decide address, counting key and scheme, and drop headers whose names another layer could misread.

        Raises:
            BadRequest: such a name could be misread as one that says where this request ends.
        """
        if not self._plain_names.issuperset(exchange.headers):
            self._meet(exchange)
        if _DECIDED in exchange.scope:  # by the chain around this one, which stands closer to the socket
            return
        exchange.scope[_DECIDED] = True
        if self._trusting and self.trusts(exchange):
            self._believe_proxies(exchange)
        else:
            self._believe_socket(exchange)

    def _meet(self, exchange: Exchange) -> None:
        names = set(exchange.headers)
        if b"_" in b"".join(names):
            _drop_underscored(exchange)
        elif len(self._plain_names) + len(names) <= _NAMES:
            self._plain_names |= names

    def trusts(self, exchange: Exchange) -> bool:
        """Whether the peer on the socket is a trusted proxy."""
        client = exchange.scope.get("client")
        if not client:
            return self._unix
        if rewritten(exchange):
            # Only the server knew who the peer was, and by default uvicorn rewrites for loopback alone.
            trusting = any(address in network for address in _LOOPBACK for network in self._networks)
            return trusting and rewritten_for_loopback(exchange)
        return (self._known.get(client[0]) or self._learn(client[0]))[2]

    def _believe_socket(self, exchange: Exchange) -> None:
        client = exchange.scope.get("client")
        if not client or rewritten(exchange):
            self._shared(exchange)
        else:
            exchange.client, exchange.client_key, _ = self._known.get(client[0]) or self._learn(client[0])
        if _FORWARDED_PROTO in exchange.headers and exchange.scheme in _DOWNGRADED:
            # uvicorn believes this header of a loopback peer, so https may be the client's own word.
            exchange.scheme = exchange.scope["scheme"] = _DOWNGRADED[exchange.scheme]

    def _believe_proxies(self, exchange: Exchange) -> None:
        scope = exchange.scope
        peer, port = (UNKNOWN, 0) if rewritten(exchange) else scope["client"]
        found = self._walk(forwarded_for(scope), peer)
        exchange.client, exchange.client_key, _ = self._known.get(found) or self._learn(found)
        scope["client"] = (exchange.client, port if found == peer else 0)
        proto = exchange.headers.get(_FORWARDED_PROTO, b"").rsplit(b",", 1)[-1].strip().lower()
        plain = _DOWNGRADED.get(exchange.scheme, exchange.scheme)
        unsaid = exchange.scheme if port else plain
        exchange.scheme = scope["scheme"] = _SCHEMES.get((plain, proto), plain if proto in _PLAIN else unsaid)

    def _walk(self, forwarded_for: bytes, peer: str) -> str:
        known = self._walked.get((forwarded_for, peer))
        if known is not None:
            return known
        found = self._farthest(forwarded_for, peer)
        if len(self._walked) >= _MEMORY:
            self._walked.clear()
        if len(forwarded_for) <= _LONGEST:
            self._walked[forwarded_for, peer] = found
        return found

    def _farthest(self, forwarded_for: bytes, peer: str) -> str:
        found = peer
        for hop in reversed(forwarded_for.rsplit(b",", _HOPS)[-_HOPS:]):
            address = hop_address(hop)
            if address is None:
                break
            found = str(address)
            if not self._is_proxy(address):
                break
        return found

    def _is_proxy(self, address: Address) -> bool:
        return any(address in network for network in self._networks)

    def _learn(self, text: str) -> tuple[str, str, bool]:
        address = address_of(text)
        known = (*named(text), address is not None and self._is_proxy(address))
        if len(self._known) >= _MEMORY:
            self._known.clear()
        if len(text) <= _LONGEST:
            self._known[text] = known
        return known

    def _shared(self, exchange: Exchange) -> None:
        exchange.client = exchange.client_key = UNKNOWN
        exchange.scheme = exchange.scope["scheme"] = _DOWNGRADED.get(exchange.scheme, exchange.scheme)
        if not self._reported:
            self._reported = True
            self._emit(
                Event(
                    EventType.SYS_PROXY_UNTRUSTED,
                    level=Level.WARN,
                    reason="the server hides or replaced the peer, and no trusted proxy explains it: one limit for all",
                )
            )


def _drop_underscored(exchange: Exchange) -> None:
    if any(b"_" in name and name.replace(b"_", b"-") in _FRAMING for name in exchange.headers):
        # A proxy that reads it as Transfer-Encoding ends this request elsewhere, so nothing after it is trusted.
        close = {"Connection": "close"} if exchange.scope.get("http_version", "1.1")[:1] == "1" else {}
        raise BadRequest("a header name reads as Transfer-Encoding or Content-Length", headers=close)
    # A proxy that overwrites X-Forwarded-For lets X_Forwarded_For pass, and WSGI-minded code reads both as one.
    kept = [header for header in exchange.scope["headers"] if b"_" not in header[0]]
    exchange.scope["headers"], exchange.headers = kept, dict(kept)


def _problem(what: str, fix: str) -> UnsafeConfiguration:
    return UnsafeConfiguration(
        what,
        where="FASTNESS_PROXIES__TRUSTED_PROXIES",
        why="A trusted proxy's word decides who is limited, logged and served over https.",
        fix=fix,
    )
