"""Where outgoing requests may lead, and how much may come back."""

from __future__ import annotations

import re
from ipaddress import ip_network

from pydantic import BaseModel, Field

from fastness.core.destination import Network, one_meaning
from fastness.core.errors import UnsafeConfiguration

_SCHEMES = frozenset({"https", "http"})
_TYPE = re.compile(r"[a-z0-9!#$&^_.+-]+/(?:[a-z0-9!#$&^_.+-]+|\*)")
_NEVER = tuple(
    ip_network(text) for text in ("169.254.0.0/16", "fe80::/10", "0.0.0.0/8", "::/128", "224.0.0.0/4", "ff00::/8")
)
_LOOPBACK = tuple(ip_network(text) for text in ("127.0.0.0/8", "::1/128"))


class OutboundSettings(BaseModel, frozen=True):
    """FASTNESS_OUTBOUND__*"""

    hosts: tuple[str, ...] = Field(
        default=(),
        description=(
            "Hosts that may be asked: `api.example.com`, `*.example.com` (subdomains, not the domain itself). "
            "Empty: every public host."
        ),
    )
    schemes: tuple[str, ...] = Field(default=("https",), description="`https`, and `http` where it must be.")
    ports: tuple[int, ...] = Field(default=(443,), description="Ports that may be asked; add 80 with `http`.")
    unsafe_allow_networks: tuple[str, ...] = Field(
        default=(),
        description=(
            "Private networks that may be reached all the same, such as `10.20.0.0/16`. Metadata and link-local "
            "addresses stay closed; production refuses loopback too."
        ),
    )
    redirects: int = Field(
        default=0, ge=0, le=10, description="Redirects that are followed, each checked like a first."
    )
    seconds: float = Field(default=10.0, gt=0, le=300, description="For all of it: look-up, redirects and body.")
    max_bytes: int = Field(
        default=2**20, ge=0, le=2**30, description="Largest answer body, as sent and after decompression."
    )
    content_types: tuple[str, ...] = Field(
        default=(), description="Types that an answer may have: `application/json`, `image/*`. Empty: any."
    )
    connections: int = Field(default=20, ge=1, le=1000, description="Connections at once; others wait.")

    def problems(self, *, production: bool) -> list[UnsafeConfiguration]:
        """Entries that are none, schemes that are not HTTP, and networks that nobody may open."""
        found: list[UnsafeConfiguration] = []
        if not self.schemes or not _SCHEMES.issuperset(self.schemes):
            found.append(_problem("a scheme is neither https nor http", "SCHEMES", "Write https, or https and http."))
        if not self.ports or not all(0 < port < 2**16 for port in self.ports):
            found.append(_problem("a port is none, or there is none", "PORTS", "List ports, such as 443 and 8443."))
        if not all(one_meaning(host.removeprefix("*.")) and host == host.lower() for host in self.hosts):
            found.append(
                _problem("a host is not a host name", "HOSTS", "Write names in lower case, without scheme and port.")
            )
        if not all(_TYPE.fullmatch(kind) for kind in self.content_types):
            found.append(
                _problem("a content type is none", "CONTENT_TYPES", "Write type/subtype in lower case, or type/*.")
            )
        try:
            networks = self.networks()
        except ValueError:
            return [*found, _problem("a network is none", "UNSAFE_ALLOW_NETWORKS", "Write it as in 10.20.0.0/16.")]
        closed = (*_NEVER, *_LOOPBACK) if production else _NEVER
        if any(network.overlaps(never) for network in networks for never in closed if network.version == never.version):
            found.append(
                _problem(
                    "a network that must stay closed is opened",
                    "UNSAFE_ALLOW_NETWORKS",
                    "Name the private network alone, without loopback, link-local and multicast addresses.",
                )
            )
        return found

    def networks(self) -> tuple[Network, ...]:
        """What `unsafe_allow_networks` says.

        Raises:
            ValueError: an entry is no network, or has bits set behind its prefix.
        """
        return tuple(ip_network(text) for text in self.unsafe_allow_networks)


def _problem(what: str, key: str, fix: str) -> UnsafeConfiguration:
    return UnsafeConfiguration(
        f"outbound: {what}",
        where=f"FASTNESS_OUTBOUND__{key}",
        why="A URL that somebody else wrote could reach what only this server can (OWASP API7:2023).",
        fix=fix,
    )
