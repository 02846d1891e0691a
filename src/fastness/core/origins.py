"""Web origins: read, compared exactly, and which of them are our own (RFC 6454, Fetch standard section 3.2)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import AddressValueError, IPv6Address

from fastness.core.exchange import Exchange

ORIGIN = re.compile(r"(https?)://([a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?|\[[0-9a-f:.]{2,45}\])(?::([1-9][0-9]{0,4}))?")
"""A serialised origin: scheme, host and port, nothing else."""
_ADDRESS = re.compile(rb"(https?://[^/?#\\@]{1,262})(?:[/?#].*)?", re.DOTALL | re.IGNORECASE)
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})
_DEFAULT_PORT = {"http": "80", "https": "443"}
_PORTS = 65_535


class OwnOrigins:
    """Which pages may send requests that carry our cookie: their origin is compared exactly, never by a part of it.

    Args:
        named: our own origin and those we trust, such as `https://app.example.com`; an address may have a path.
            Without any, the pages of the host that the request names are our own.

    Raises:
        ValueError: one of them has no origin.
    """

    def __init__(self, named: Iterable[str]) -> None:
        self._named = frozenset(canonical(_cut(name)) for name in named)

    def allow(self, exchange: Exchange) -> bool:
        """Whether the request says in `Origin`, once, that it comes from our own pages. No `Origin`: no."""
        origin = exchange.headers.get(b"origin")
        return origin is not None and not exchange.repeated(b"origin") and self.own(origin, exchange)

    def own(self, origin: bytes, exchange: Exchange) -> bool:
        """Whether this origin, as browsers send it, is one of ours. `null` never is."""
        if self._named:
            return origin in self._named
        host = exchange.headers.get(b"host", b"")
        # Behind a proxy that nobody named, https looks like http here. A page of this host over TLS is still ours; one
        # without TLS is not when the request had it: anyone on the network path can write such a page.
        plain = exchange.scheme in {"http", "ws"}
        return bool(host) and (origin == b"https://" + host or (plain and origin == b"http://" + host))

    def own_page(self, address: bytes, exchange: Exchange) -> bool:
        """Whether an address, as in `Referer`, is a page of ours."""
        return self.own(_cut_raw(address), exchange)

    def __repr__(self) -> str:
        return f"OwnOrigins({sorted(name.decode() for name in self._named)})"


def canonical(origin: str) -> bytes:
    """The origin as browsers send it: lower case, without the scheme's own port."""
    match = ORIGIN.fullmatch(origin.lower())
    if match is None:
        raise ValueError("not an origin")
    scheme, host, port = match[1], match[2], match[3]
    return f"{scheme}://{host}{'' if port in {None, _DEFAULT_PORT[scheme]} else ':' + port}".encode()


def is_origin(address: str) -> bool:
    """Whether an address, with or without a path, has an origin."""
    return ORIGIN.fullmatch(_cut(address).lower()) is not None


def wrong_origin(origin: str, *, production: bool) -> tuple[str, str] | None:
    """What is wrong with an origin in a list of allowed ones, and how to write it; None when nothing is."""
    match = ORIGIN.fullmatch(origin.lower())
    if match is None or int(match[3] or 0) > _PORTS or not _host(match[2]):
        if origin.lower() == "null":
            return "the origin null is allowed", "Remove it: every sandboxed frame and local file has this origin."
        return "an allowed origin is not an origin", "Write scheme://host[:port] without path: https://app.example.com."
    if production and match[1] == "http" and match[2] not in _LOOPBACK:
        return "an allowed origin is plain http", "Use https: anyone on the network path can be that origin."
    return None


def _host(host: str) -> bool:
    if not host.startswith("["):
        return ".." not in host
    try:
        return bool(IPv6Address(host[1:-1]))
    except AddressValueError:
        return False


def _cut(address: str) -> str:
    return _cut_raw(address.encode()).decode()


def _cut_raw(address: bytes) -> bytes:
    match = _ADDRESS.fullmatch(address)
    return match[1] if match else b""
