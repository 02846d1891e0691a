"""Connections to checked addresses only: the name is looked up once, judged, and that address is connected to.

The pool above still knows the connection by its name, so `Host`, SNI and the certificate's name are the URL's own, and
there is no second look-up between check and use in which the answer could change (DNS rebinding).
"""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, cast

import anyio
import httpcore2

from fastness.controls.outbound.guard import Guard
from fastness.controls.outbound.refusals import OutboundFailed
from fastness.core.address import address_of

Resolver = Callable[[str, int], Awaitable[Iterable[str]]]
"""Host and port -> addresses as text."""

_TRIED = 4
_PATIENCE = 5.0
"""Seconds for one address, so that a silent one does not use up the time of the others."""


async def system_resolver(host: str, port: int) -> list[str]:
    """What the operating system says; raises OSError when it knows nothing."""
    found = await anyio.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


class Pinned(httpcore2.AsyncNetworkBackend):
    """A network backend that connects where the guard lets it, and never by name."""

    def __init__(self, guard: Guard, resolver: Resolver) -> None:
        self._guard, self._resolver = guard, resolver
        # Where anyio is missing httpcore2 puts a class without methods in its place, so checkers cannot know it.
        self._network = cast("httpcore2.AsyncNetworkBackend", httpcore2.AnyIOBackend())

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the name is the base class's
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Look up, judge, connect to the first address that answers.

        Raises:
            OutboundRefused: an address may not be reached. `OutboundFailed`: there is no such name.
        """
        addresses = self._guard.addresses(host, [host] if address_of(host) else await self._look_up(host, port))
        patience = _PATIENCE if timeout is None else min(timeout, _PATIENCE)
        failure: Exception = httpcore2.ConnectError()
        for address in addresses[:_TRIED]:
            try:
                return await self._network.connect_tcp(address, port, patience, local_address, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failure = error
        raise failure

    async def _look_up(self, host: str, port: int) -> Iterable[str]:
        try:
            return await self._resolver(host, port)
        except (OSError, UnicodeError) as error:
            raise OutboundFailed("the host was not found") from error
