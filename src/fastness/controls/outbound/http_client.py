"""A client with the outbound transport: no environment, no cookies kept, redirects counted and stripped."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from typing import Any

import anyio
import httpx2

from fastness.controls.outbound.network import Resolver, system_resolver
from fastness.controls.outbound.refusals import OutboundFailed
from fastness.controls.outbound.settings import OutboundSettings
from fastness.controls.outbound.transport import DEADLINE, OutboundTransport
from fastness.core.events import Sink, silent

_HARMLESS = frozenset(
    {"accept", "accept-language", "content-type", "content-length", "transfer-encoding", "host", "user-agent"}
)
"""What a redirect takes along to another origin; whatever else an application sends may be a credential."""
_READING = frozenset({"GET", "HEAD"})


class OutboundClient(httpx2.AsyncClient):
    """An `httpx2.AsyncClient` that refuses instead of reaching inside. Every error is an `OutboundError`."""

    def __init__(self, transport: OutboundTransport, **how: Any) -> None:
        super().__init__(transport=transport, trust_env=False, follow_redirects=False, **how)
        self._guard = transport.guard
        self._most = transport.guard.settings.redirects
        self._seconds = transport.guard.settings.seconds

    def build_request(self, method: str, url: httpx2.URL | str, **how: Any) -> httpx2.Request:
        """Judge a URL as it was written, then build.

        Raises:
            OutboundRefused: it is malformed, or parsers would read it differently.
        """
        if isinstance(url, str):
            self._guard.text(url)
        try:
            return super().build_request(method, url, **how)
        except httpx2.InvalidURL:
            self._guard.refuse("the URL is malformed", "")

    async def send(
        self,
        request: httpx2.Request,
        *,
        stream: bool = False,
        auth: Any = httpx2.USE_CLIENT_DEFAULT,
        follow_redirects: Any = httpx2.USE_CLIENT_DEFAULT,
    ) -> httpx2.Response:
        """Send, and follow as many redirects as the settings say; all within one time limit.

        Raises:
            OutboundError: always one of its children, whatever went wrong.
        """
        request.extensions[DEADLINE] = anyio.current_time() + self._seconds
        passed: list[httpx2.Response] = []
        try:
            answer = await super().send(request, stream=True, auth=auth, follow_redirects=False)
            try:
                while self._most and follow_redirects is not False and answer.has_redirect_location:
                    following = self._next(answer, len(passed))
                    await answer.aclose()
                    passed.append(answer)
                    answer = await super().send(following, stream=True, auth=None, follow_redirects=False)
                if answer.has_redirect_location:  # the caller follows none, so that this is the answer
                    self._guard.answer(answer.headers.get("content-type", ""), answer.request.url.host)
                answer.history = passed
                if not stream:
                    await answer.aread()
            except BaseException:
                await answer.aclose()
                raise
        except httpx2.InvalidURL:  # older versions raise it where newer ones give no next request
            self._guard.cut_off("the answer redirects to a malformed URL", request.url.host)
        except httpx2.HTTPError as error:
            raise OutboundFailed("the exchange failed") from error
        return answer

    def _next(self, answer: httpx2.Response, passed: int) -> httpx2.Request:
        before, following = answer.request, answer.next_request
        host = before.url.host
        if passed >= self._most:
            self._guard.cut_off("the answer redirects too often", host)
        if following is None:
            self._guard.cut_off("the answer redirects to a malformed URL", host)
        self._guard.text(answer.headers["location"])
        if following.url.origin != before.url.origin:
            if before.url.scheme == "https" != following.url.scheme:
                self._guard.refuse("a redirect leaves TLS", host)
            if following.method not in _READING:
                self._guard.refuse("a redirect would send the body to another origin", host)
            for name in [name for name in following.headers if name.lower() not in _HARMLESS]:
                del following.headers[name]
        return following


def client(
    settings: OutboundSettings | None = None,
    *,
    resolver: Resolver = system_resolver,
    tls: ssl.SSLContext | None = None,
    emit: Sink = silent,
    headers: Mapping[str, str] | None = None,
) -> OutboundClient:
    """Make a client for URLs that somebody else wrote. Keep one, and close it at the end.

    Args:
        settings: where requests may lead and what may come back; `FASTNESS_OUTBOUND__*` are in `Settings.outbound`.
        resolver: host and port -> addresses; the operating system's unless given.
        tls: trust in a private authority.
        emit: takes the event of each refusal: `secured.emit`.
        headers: sent with every request; not to another origin by redirect.

    Raises:
        UnsafeConfiguration: for settings that open what must stay closed.
    """
    transport = OutboundTransport(settings, resolver=resolver, tls=tls, emit=emit)
    named = {"User-Agent": "fastness", **(headers or {})}
    return OutboundClient(transport, headers=named, timeout=httpx2.Timeout(transport.guard.settings.seconds))
