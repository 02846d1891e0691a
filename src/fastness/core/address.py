"""Client addresses as text: read strictly, and named as a limit counts them."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

Address = IPv4Address | IPv6Address


@lru_cache(maxsize=4096)
def client_key(address: str) -> str:
    """What a limit by address counts: an IPv4 address, an IPv6 /64, IPv4-mapped as IPv4, other text as it is.

    One host is routinely given a whole IPv6 /64 (RFC 6177), so a limit on single addresses limits nobody.
    """
    return named(address)[1]


def named(text: str) -> tuple[str, str]:
    """An address as it is logged, and what a limit counts for it."""
    address = address_of(text)
    if address is None:
        return text, text
    if isinstance(address, IPv4Address):
        return str(address), str(address)
    return str(address), str(IPv6Network((int(address) >> 64 << 64, 64)))


def address_of(text: str) -> Address | None:
    """The address that `text` is, IPv4-mapped as IPv4; None for everything else, octal and short forms included."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address
