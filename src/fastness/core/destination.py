"""Where a URL leads: host names that every parser reads alike, and addresses that are public.

`fields` uses the first to accept a URL, `outbound` both to request one. The table is written out from the IANA
special-purpose registries (RFC 6890): `ipaddress.is_global` answers differently from one Python release to the next.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from fastness.core.address import Address, address_of

Network = IPv4Network | IPv6Network

_LONGEST = 253
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")

_CLOSED_4 = tuple(
    IPv4Network(text)
    for text in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",
        "100.64.0.0/10",  # carrier-grade NAT, RFC 6598; also a cloud's metadata service
        "127.0.0.0/8",
        "169.254.0.0/16",  # link-local, with the metadata service of most clouds
        "172.16.0.0/12",
        "192.0.0.0/24",  # protocol assignments; 192.0.0.192 is a metadata service
        "192.0.2.0/24",  # documentation
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",  # 6to4 relays, RFC 7526
        "192.168.0.0/16",
        "192.175.48.0/24",
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/3",  # multicast, reserved, broadcast
    )
)
_OPEN_6 = IPv6Network("2000::/3")
"""All that is assigned as global unicast; the rest is loopback, local, multicast, mapped or unassigned."""
_CLOSED_6 = tuple(
    IPv6Network(text)
    for text in (
        "2001::/23",  # protocol assignments: Teredo, benchmarks, ORCHID
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4: an IPv4 address of the sender's choice
        "2620:4f:8000::/48",
        "3fff::/20",  # documentation
    )
)
_NAT64 = IPv6Network("64:ff9b::/96")

METADATA: frozenset[Address] = frozenset(
    ip_address(text)
    for text in (
        "169.254.169.254",
        "169.254.170.2",
        "100.100.100.200",
        "192.0.0.192",
        "168.63.129.16",  # Azure's, in a public network
        # In private networks, where somebody may open them.
        "fd00:ec2::23",  # EKS Pod Identity
        "fd00:ec2::254",
        "fd00:42::42",  # Scaleway
        "fd00:100::100:200",  # Alibaba
        "fd00:a9fe:a9fe::1",  # Akamai
        "fd00:c1::a9fe:a9fe",  # Oracle
        "fd20:ce::254",  # Google
        "fe80::a9fe:a9fe",
    )
)
"""Addresses from which a cloud hands its machines their credentials."""


def is_public(address: Address) -> bool:
    """Whether the address is one of the public internet.

    IPv4 inside IPv6 is judged as IPv4 where it is the usual way to reach it (mapped, NAT64 with its well-known prefix),
    and is not public in its obsolete forms (compatible, 6to4, Teredo).
    """
    address = _inner(address)
    if isinstance(address, IPv6Address) and (address.scope_id is not None or address not in _OPEN_6):
        return False
    closed = _CLOSED_4 if isinstance(address, IPv4Address) else _CLOSED_6
    return address not in METADATA and not any(address in network for network in closed)


def is_metadata(address: Address) -> bool:
    """Whether a cloud hands out credentials there, or may: whatever is link-local, however the address is dressed."""
    address = _inner(address)
    return address in METADATA or address.is_link_local


def _inner(address: Address) -> Address:
    if not isinstance(address, IPv6Address):
        return address
    return address.ipv4_mapped or (IPv4Address(int(address) & 0xFFFF_FFFF) if address in _NAT64 else address)


def network_of(text: str) -> Network:
    """The network that `text` is.

    Raises:
        ValueError: when it is none, or has bits set behind its prefix.
    """
    return ip_network(text)


def one_meaning(host: str) -> bool:
    """Whether every parser reads this host, in lower case, alike: a name, `127.0.0.1` or `[::1]`, and no other spelling.

    A host whose last label is a number is an IPv4 address in whatever base (WHATWG URL section 3.5), so `0x7f.1`,
    `2130706433` and `0177.0.0.1` are refused rather than understood.
    """
    if host.startswith("["):
        return host.endswith("]") and "%" not in host and isinstance(_parsed(host[1:-1]), IPv6Address)
    labels = host.removesuffix(".").split(".")
    if len(host) > _LONGEST or not all(_LABEL.fullmatch(label) for label in labels):
        return False
    return _NUMBER.fullmatch(labels[-1]) is None or address_of(host) is not None


def _parsed(text: str) -> Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None
