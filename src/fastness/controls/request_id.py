"""A request id that log, events and answer share, so that one can be found from the other.

128 random bits. An id from outside is taken over only where `RequestIdSettings` or the proxies element trusts it, and
only in a shape that no log can be forged with. ASVS 5.0 16.2.1, 16.4.1.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable

from pydantic import BaseModel, Field

from fastness.core.declare import provides
from fastness.core.exchange import Exchange, Header, Quiet

_GOOD = re.compile(rb"[A-Za-z0-9._-]{8,64}")
_NAME = b"x-request-id"


class RequestIdSettings(BaseModel, frozen=True):
    """FASTNESS_REQUEST_ID__*"""

    trust_inbound: bool = Field(
        default=False,
        description="Take over a well-formed X-Request-ID from every caller. Trusted proxies may always send one.",
    )


@provides("request_id")
class RequestId(Quiet):
    """Sets `exchange.request_id` and echoes it as `x-request-id`. A nested chain keeps the outer id.

    `trusts` says whether the peer of this request is a trusted proxy, as in `RequestId(trusts=proxies.trusts)`.
    """

    def __init__(
        self, settings: RequestIdSettings | None = None, *, trusts: Callable[[Exchange], bool] | None = None
    ) -> None:
        self._trusts = _anyone if (settings or RequestIdSettings()).trust_inbound else trusts

    def enter(self, exchange: Exchange, /) -> None:
        """Keep the outer chain's id, else a trusted inbound one, else make one."""
        if exchange.request_id:
            return
        given = exchange.headers.get(_NAME)
        if (
            given is not None
            and self._trusts is not None
            and self._trusts(exchange)
            and _GOOD.fullmatch(given)
            and not exchange.repeated(_NAME)
        ):
            exchange.request_id = given.decode("ascii")
            return
        exchange.request_id = _next()

    def leave(self, exchange: Exchange, headers: list[Header], /) -> None:
        """Echo the id, once, whatever the application set."""
        ours = exchange.request_id.encode()
        for position, (name, _) in enumerate(headers):
            if name == _NAME:
                headers[position] = (_NAME, ours)
                return
        headers.append((_NAME, ours))


_ready: list[str] = []
"""Ids drawn ahead: asking the kernel for 128 at once costs a third of asking 128 times."""


def _next() -> str:
    try:
        return _ready.pop()
    except IndexError:
        drawn = os.urandom(16 * 128).hex()
        ids = [drawn[start : start + 32] for start in range(0, len(drawn), 32)]
        _ready.extend(ids[1:])
        return ids[0]


# A forked worker must not hand out the ids that its parent drew.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_ready.clear)


def _anyone(_: Exchange) -> bool:
    return True
