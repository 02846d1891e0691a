"""What an event tells of the request that it happened in."""

from __future__ import annotations

from typing import NamedTuple

from fastness.core.exchange import Exchange


class Asked(NamedTuple):
    """A request as it came: nothing here is redacted yet."""

    request_id: str
    method: str
    route: str
    address: str
    agent: str

    @classmethod
    def of(cls, exchange: Exchange) -> Asked:
        """What is known of the request that is being answered."""
        scope = exchange.scope
        path = getattr(exchange.rule or scope.get("route"), "path", None)
        return cls(
            exchange.request_id,
            str(scope.get("method", scope["type"])),
            # The pattern where it is known: a path may carry a code or a name. The query is never logged.
            str(path if path is not None else scope.get("path", "")),
            exchange.client,
            exchange.headers.get(b"user-agent", b"").decode("latin-1"),
        )
