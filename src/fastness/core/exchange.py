"""One request on its way through the chain, the elements that look at it, and the one runner that calls them.

Every control that touches requests is an `Element`: `enter` looks at the request and may raise `Refused`; `leave`
adds to the headers of the answer, whoever wrote it. `Pipeline` runs a list of elements around an ASGI application in
one pass: one scan of the request headers, one `send` wrapper. A single element wrapped alone runs in the same way.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from contextvars import ContextVar
from types import MappingProxyType
from typing import Any, Protocol

from fastness.core.errors import Refused
from fastness.core.principal import Principal

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Header = tuple[bytes, bytes]

current: ContextVar[Scope | None] = ContextVar("fastness_scope", default=None)
"""The scope that this task is answering. Not its exchange: servers copy the context into the timer of a connection that
is kept alive, and it would hold the exchange, with the caller in it, until the next request."""


class Answered(Exception):
    """An element answers the request itself and the application is not asked: a CORS preflight, for example.

    Raised from `enter`. The answer passes every element's `leave`, like any other.
    """

    def __init__(self, status: int, headers: Sequence[Header] = (), body: bytes = b"") -> None:
        super().__init__(status)
        self.status, self.headers, self.body = status, headers, body


class Exchange:
    """What the chain knows about one request or WebSocket. Elements annotate it; handlers read it.

    `headers` holds the last value of each header name; ask `repeated` before trusting a name that must be unique.
    A chain inside another one (a mounted application) inherits request id, address and scheme.
    """

    # Defaults live in the class: a request that stays ordinary stores only what is its own.
    request_id: str = ""
    nonce: str = ""
    """The Content-Security-Policy nonce of this answer; empty until a page asks for one."""
    rule: Any = None
    """What was compiled for the matched route; None when no route matched."""
    principal: Principal | None = None
    grants: Mapping[str, frozenset[str]] = MappingProxyType({})
    """Role -> permissions, for requirements that name a permission."""
    cookie: bytes | None = None
    """The session cookie that proved who the caller is; None when something else did, or nobody is known."""
    csrf: Callable[[str], str] | None = None
    """Makes a CSRF token for a session id; None where requests need none."""
    failure: Refused | None = None
    """Why the credential in the request is not good; a protected route answers with it."""
    limited: bool = False
    """True once the chain has counted this route's declared limits."""
    settled: object = None
    """What may answer without asking again for what the chain has found."""
    answering: App | None = None
    """What the pipeline calls in place of the application, where the chain knows enough to go there."""
    started: bool = False
    streaming: bool = False
    """True once the answer sends its body in parts."""
    socket: Any = None
    """The `Socket` of a WebSocket (core/sockets.py); None for a request."""
    status: int = 0
    replace: Refused | None = None
    """A refusal that must win over whatever answer the application starts (a body that grew too large)."""

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self.scope = scope
        self.receive = receive
        # A list of our own: no server adds to it when the request has been judged (trailers, RFC 9110 section 6.5.1).
        scope["headers"] = raw = list(scope["headers"])
        self.headers: dict[bytes, bytes] = dict(raw)
        outer: Exchange | None = scope.get("fastness")
        self.outer = outer
        """The exchange of the chain around this one; None for the outermost."""
        if outer is None:
            client = scope.get("client")
            self.client: str = client[0] if client else "unknown"
            """The client's address after proxies are accounted for."""
            self.client_key: str = self.client
            """What a limit by address counts: IPv6 by /64."""
            self.scheme: str = scope.get("scheme", "http")
            """http or https (ws or wss), as the client sees it."""
        else:
            self.client, self.client_key = outer.client, outer.client_key
            self.scheme, self.request_id = outer.scheme, outer.request_id

    def release(self, receive: Receive) -> None:
        """Let go of what refers back to this exchange, so that it is freed at once and not by the garbage collector."""
        self.receive = receive
        if self.outer is None:
            self.scope.pop("fastness", None)
        else:
            self.scope["fastness"] = self.outer

    def repeated(self, name: bytes) -> bool:
        """Whether the request carries `name` more than once."""
        raw = self.scope["headers"]
        return len(raw) != len(self.headers) and sum(1 for key, _ in raw if key == name) > 1


class Element(Protocol):
    """One link of the chain. Both methods run for every request, so each costs about a microsecond."""

    def enter(self, exchange: Exchange, /) -> Awaitable[None] | None:
        """Look at the request, annotate the exchange, or raise `Refused`."""
        ...

    def leave(self, exchange: Exchange, headers: list[Header], /) -> None:
        """Add to the headers of the answer, in place. Runs for refusals and errors too."""
        ...


Answer = Callable[[Exchange, Refused], tuple[int, list[Header], bytes]]
"""Turns a refusal into status, headers and body."""


_LAST = frozenset({"http.response.body", "http.response.pathsend", "http.response.zerocopysend"})


class Pipeline:
    """Runs elements, outermost first, around an ASGI application.

    Unhandled exceptions become one 500 and one call of `crashed`; an answer that had already started is cut off. An
    exception that arrives after a complete answer (Starlette raises again what its handler has answered) ends here, so
    that the server does not log it a second time.
    """

    def __init__(
        self,
        app: App,
        elements: Sequence[Element],
        *,
        answer: Answer,
        crashed: Callable[[Exchange, Exception], Refused],
    ) -> None:
        self.app = app
        self.aside = app
        """Takes what is neither a request nor a WebSocket: the server's lifespan."""
        self._answer, self._crashed = answer, crashed
        self._watch = next((e.stream for e in elements if isinstance(e, Lasting)), None)
        self._enters = tuple(e.enter for e in elements if _overrides(e, "enter") and not isinstance(e, Lasting))
        self._socket_enters = tuple(e.enter for e in elements if _overrides(e, "enter"))
        self._leaves = tuple(e.leave for e in reversed(elements) if _overrides(e, "leave"))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: C901, PLR0915 - one pass, one closure
        if scope["type"] != "http":
            await (self._websocket if scope["type"] == "websocket" else self.aside)(scope, receive, send)
            return
        exchange = Exchange(scope, receive)
        scope["fastness"] = exchange
        leaves = self._leaves
        dropped = finished = False
        answered: Answered | None = None
        headers: list[Header]

        # No coroutine of its own: each would cost every message half a microsecond.
        def guarded(message: Message) -> Awaitable[None]:
            nonlocal dropped, finished, headers, send
            kind = message["type"]
            if kind == "http.response.start":
                if exchange.replace is not None and not exchange.started:
                    dropped = True
                    return _nothing()
                exchange.started = True
                exchange.status = message["status"]
                headers = list(message.get("headers", ()))
                for leave in leaves:
                    leave(exchange, headers)
                message["headers"] = headers
            elif dropped:
                return _nothing()
            elif message.get("more_body"):
                if not exchange.streaming:
                    exchange.streaming = True
                    if self._watch is not None:
                        send = self._watch(exchange, headers, send)
            elif kind in _LAST:
                finished = True
            return send(message)

        token = current.set(scope)
        try:
            for enter in self._enters:
                waiting = enter(exchange)
                if waiting is not None:
                    await waiting
            await (exchange.answering or self.app)(scope, exchange.receive, guarded)
        except Answered as answer:
            answered = answer
        except Refused as refused:
            if exchange.started and not finished:
                raise
            exchange.replace = exchange.replace or refused
        except Exception as error:
            # A refusal that must win may have been wrapped on its way out: that is no crash.
            crash = exchange.replace if exchange.replace is not None else self._crashed(exchange, error)
            if exchange.started and not finished:
                raise
            exchange.replace = crash
        finally:
            current.reset(token)
        if exchange.started:
            exchange.release(receive)
            return
        if exchange.replace is not None:
            answered = Answered(*self._answer(exchange, exchange.replace))
            exchange.replace, dropped = None, False
        if answered is not None:
            await guarded({"type": "http.response.start", "status": answered.status, "headers": answered.headers})
            body = b"" if scope["method"] == "HEAD" else answered.body
            await guarded({"type": "http.response.body", "body": body})
        exchange.release(receive)

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        from fastness.core.sockets import Sockets  # stands above this module, and only a WebSocket needs it

        await Sockets(self.app, self._socket_enters, self._leaves, self._answer, self._crashed)(scope, receive, send)


async def _nothing() -> None:
    """Sends nothing."""


class Quiet:
    """A base for elements that need only one of the two methods."""

    def enter(self, exchange: Exchange, /) -> Awaitable[None] | None:
        """Let every request pass."""

    def leave(self, exchange: Exchange, headers: list[Header], /) -> None:
        """Add nothing."""


class Lasting(Quiet):
    """A base for the element of what stays open. `enter` runs for WebSockets alone; ordinary requests never meet it."""

    def stream(self, exchange: Exchange, headers: list[Header], send: Send, /) -> Send:
        """What sends the parts of an answer from its first one on; `send` itself where nothing is to be watched."""
        raise NotImplementedError


def _overrides(element: Element, method: str) -> bool:
    return getattr(type(element), method) is not getattr(Quiet, method)


def asked() -> Exchange | None:
    """The exchange that this task is answering, until the chain is done with it; security events read it."""
    scope = current.get()
    return None if scope is None else of(scope)


def of(scope: Scope) -> Exchange | None:
    """The exchange of this scope, or None when no chain runs around the application."""
    exchange: Exchange | None = scope.get("fastness")
    return exchange
