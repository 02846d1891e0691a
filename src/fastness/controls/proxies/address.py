"""Addresses in forwarded headers, and networks of proxies."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_network

from fastness.core.address import Address, address_of
from fastness.core.exchange import Exchange, Scope

_FORWARDED_FOR = b"x-forwarded-for"

Network = IPv4Network | IPv6Network


def hop_address(raw: bytes) -> Address | None:
    """One entry of X-Forwarded-For: an address, with a port as some proxies write it; zone ids and quotes are junk."""
    text = raw.strip(b" \t").decode("latin-1")
    host, port = text, ""
    if text.startswith("["):
        host, closed, rest = text[1:].partition("]")
        if not closed or (rest and not rest.startswith(":")) or ":" not in host:
            return None
        port = rest[1:] if rest else ""
        if rest and not port:
            return None
    elif text.count(":") == 1:
        host, _, port = text.partition(":")
        if not port:
            return None
    if "%" in host or (port and not (port.isascii() and port.isdigit() and len(port) <= len("65535"))):
        return None
    return address_of(host)


def network_of(entry: str) -> Network | None:
    """The network that `entry` is in CIDR notation, without host bits."""
    try:
        return ip_network(entry, strict=True)
    except ValueError:
        return None


def forwarded_for(scope: Scope) -> bytes:
    """Every X-Forwarded-For line, joined in order."""
    return b",".join([value for name, value in scope["headers"] if name == _FORWARDED_FOR])


def rewritten(exchange: Exchange) -> bool:
    """Whether the server may have put a forwarded address in the place of the peer.

    uvicorn does so for loopback by default: the port is 0, or the one that X-Forwarded-For gives with that address. A
    caller who writes their own address and port there looks the same, and is counted with the unknown.
    """
    client = exchange.scope.get("client")
    if not client or client[1] == 0:
        return True
    return _FORWARDED_FOR in exchange.headers and any(_says(hop, client) for hop in _hops(exchange))


def rewritten_for_loopback(exchange: Exchange) -> bool:
    """Whether a server that believes loopback alone may have done it: it takes the nearest hop that is none.

    With its address and port in any other hop, a caller tells of themselves, and nobody vouches for the rest.
    """
    client = exchange.scope["client"]
    if client[1] == 0:
        return True
    hops = _hops(exchange)
    nearest = next((hop for hop in reversed(hops) if not _is_loopback(hop)), hops[0])
    return _says(nearest, client)


def _hops(exchange: Exchange) -> list[str]:
    return [hop.decode("latin-1").strip() for hop in forwarded_for(exchange.scope).split(b",")]


def _says(hop: str, client: tuple[str, int]) -> bool:
    host, colon, port = hop.rpartition(":")
    return bool(colon) and host in {client[0], f"[{client[0]}]"} and _number(port) == client[1]


def _is_loopback(hop: str) -> bool:
    address = hop_address(hop.encode("latin-1"))
    return address is not None and address.is_loopback


def _number(text: str) -> int | None:
    try:
        return int(text)
    except ValueError:
        return None
