"""The transport: everything that goes out through it, each hop of a redirect too, passes the guard."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from typing import Any, cast

import anyio
import httpcore2
import httpx2

from fastness.controls.outbound.answer import Answer, Answered, translated
from fastness.controls.outbound.guard import Guard
from fastness.controls.outbound.network import Pinned, Resolver, system_resolver
from fastness.controls.outbound.settings import OutboundSettings
from fastness.core.declare import provides
from fastness.core.errors import UnsafeConfiguration
from fastness.core.events import Sink, silent

DEADLINE = "fastness.deadline"
"""The request extension that lets all hops of one request share their time."""
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "QUERY"})
_KEPT_OPEN = 5.0


@provides("outbound")
class OutboundTransport(httpx2.AsyncBaseTransport):
    """Reaches public addresses only, with limits on size, time and type.

    `httpx2.AsyncClient(transport=OutboundTransport(), trust_env=False)` works; `client()` says the rest as well.
    """

    def __init__(
        self,
        settings: OutboundSettings | None = None,
        *,
        resolver: Resolver = system_resolver,
        tls: ssl.SSLContext | None = None,
        emit: Sink = silent,
    ) -> None:
        """`tls` adds trust in a private authority.

        Raises:
            UnsafeConfiguration: for settings that open what must stay closed, or a context that verifies nothing.
        """
        self.guard = Guard(settings or OutboundSettings(), emit=emit)
        chosen = self.guard.settings
        self._seconds = chosen.seconds
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=_verifying(tls),
            max_connections=chosen.connections,
            max_keepalive_connections=chosen.connections,
            keepalive_expiry=_KEPT_OPEN,
            network_backend=Pinned(self.guard, resolver),
        )

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Judge, ask, judge the answer.

        Raises:
            OutboundError: always one of its children, whatever went wrong.
        """
        url, host = request.url, request.url.raw_host.decode("ascii")
        if request.method not in _METHODS:
            self.guard.refuse("the method is not allowed", host)
        self.guard.target(url.scheme, host, url.port, userinfo=bool(url.userinfo), path=url.raw_path)
        self.guard.headers(request.headers.raw, host, url.netloc)
        deadline = request.extensions.get(DEADLINE) or anyio.current_time() + self._seconds
        asked = httpcore2.Request(
            method=request.method,
            url=httpcore2.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
            headers=[*(pair for pair in request.headers.raw if pair[0].lower() != b"accept-encoding"), _ENCODING],
            content=request.stream,
            # Other extensions would change the target or the name that the certificate is checked for.
            extensions={"timeout": request.extensions.get("timeout", {})},
        )
        with translated(), anyio.fail_after(max(0.0, deadline - anyio.current_time())):
            response = await self._pool.handle_async_request(asked)
        try:
            answer = Answer(response, request.method, guard=self.guard, host=host)
        except BaseException:
            with translated():
                await response.aclose()
            raise
        extensions = cast("Mapping[str, Any]", response.extensions)  # pyright: ignore[reportUnknownMemberType]
        known = {name: extensions[name] for name in _TOLD if name in extensions}
        return Answered(
            response.status, headers=answer.headers, stream=answer.body(response.stream, deadline), extensions=known
        )

    async def aclose(self) -> None:
        """Close every connection."""
        await self._pool.aclose()


_ENCODING = (b"Accept-Encoding", b"gzip")
_TOLD = ("http_version", "reason_phrase")


def _verifying(tls: ssl.SSLContext | None) -> ssl.SSLContext:
    if tls is None:
        tls = httpx2.create_ssl_context(trust_env=False)
        tls.minimum_version = ssl.TLSVersion.TLSv1_2
    if tls.verify_mode is not ssl.CERT_REQUIRED or not tls.check_hostname:
        raise UnsafeConfiguration(
            "outbound: certificates would not be verified",
            where="OutboundTransport(tls=...)",
            why="whoever is on the way could answer in the other server's name (ASVS 12.3.2)",
            fix="give an ssl.create_default_context() with your authority loaded, or nothing",
        )
    return tls
