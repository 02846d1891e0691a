"""The element: looks at the handshake, puts a judge in front of the application, and watches what stays open."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from fastness.controls.websockets.first_message import read_token
from fastness.controls.websockets.messages import Counts, Messages
from fastness.controls.websockets.refusals import BadFirstMessage, ForeignOrigin, TooManyConnections
from fastness.controls.websockets.settings import WebSocketSettings
from fastness.controls.websockets.streams import Stream, is_event_stream
from fastness.controls.websockets.watches import Ask, Kind, Watches
from fastness.core.address import client_key
from fastness.core.clock import Clock, steady, wall
from fastness.core.declare import provides
from fastness.core.events import Event, EventType, Level, Sink, silent
from fastness.core.exchange import Exchange, Header, Lasting, Send
from fastness.core.origins import OwnOrigins
from fastness.core.sockets import Socket
from fastness.core.store import CounterStore

_LONGEST = 256
_WAIT = 30.0
"""Seconds after which a caller with too many connections may try again."""


@provides("websockets")
class WebSockets(Lasting):
    """Decides who may open a WebSocket, what may come through it, and when it and every event stream must end.

    Ordinary requests never meet it. It stands behind whatever authenticates.
    """

    def __init__(
        self,
        settings: WebSocketSettings | None = None,
        *,
        ask: Ask | None = None,
        own: Iterable[str] = (),
        this_host: bool = False,
        store: CounterStore | None = None,
        emit: Sink = silent,
        key: bytes | None = None,
        now: Clock = wall,
        ticks: Clock = steady,
    ) -> None:
        """Make one for one application.

        Args:
            ask: `enter` of the element that authenticates, asked again while a connection is open.
            own: more origins whose pages are ours.
            this_host: whether pages of the host that a handshake names are ours too, although origins are listed.
            store: where messages are counted by user; this process's memory unless given.
            key: the secret under which users are named in a shared store.

        Raises:
            UnsafeConfiguration: an origin in the settings is none.
        """
        self._settings = chosen = settings or WebSocketSettings()
        for problem in chosen.problems(production=False):
            raise problem
        self.problems = chosen.problems
        self._own = OwnOrigins([*chosen.origins, *own])
        self._here = OwnOrigins(()) if this_host else None
        self._emit = emit
        self._counts = Counts(chosen, store, key=key, ticks=ticks)
        self._open: Counter[str] = Counter()
        self._watches = Watches(ask, chosen.recheck, emit=emit, now=now, ticks=ticks)

    def enter(self, exchange: Exchange, /) -> Awaitable[None] | None:
        """Let the handshake pass, or refuse it.

        Raises:
            ForeignOrigin: the page is not ours, or a cookie spoke and no page is named (403).
            TooManyConnections: this caller holds as many as one may (429).
            BadFirstMessage, NoFirstMessage, InvalidToken: the token of the first message (3000, 3008).
        """
        return self._opened(exchange)

    def stream(self, exchange: Exchange, headers: list[Header], send: Send, /) -> Send:
        """Watch an event stream of an authenticated caller; every other answer is left alone."""
        if exchange.principal is None or self._watches.ask is None or not is_event_stream(headers):
            return send
        return Stream(exchange, send, self._watches).send

    def recheck(self, kind: Kind, name: str) -> None:
        """Check at once whatever is open for this session, token or user: after a sign-out, say."""
        self._watches.recheck(kind, name)

    async def _opened(self, exchange: Exchange) -> None:
        settings, socket = self._settings, _socket(exchange)
        page = self._is_page(exchange)
        address = f"address {client_key(exchange.client_key)}"
        if page and exchange.principal is None and self._awaits_token(exchange):
            with_nobody = self._take(exchange, address, settings.connections_per_address)
            socket.closing.append(with_nobody)
            await read_token(exchange, seconds=settings.first_message_timeout, subprotocols=settings.subprotocols)
            await self._identify(exchange)
            if with_nobody in socket.closing:
                socket.closing.remove(with_nobody)
                with_nobody()
        who = exchange.principal
        subject, most = address, settings.connections_per_address
        if who is not None:
            subject, most = f"user {who.id}", settings.connections_per_user
        socket.closing.append(self._take(exchange, subject, most))
        messages = Messages(self._counts, subject, lambda reason: self._excess(exchange, reason))
        socket.judge = messages.judge()
        socket.closing.append(messages.forget)
        watch = self._watches.add(exchange, socket.end_soon, idle=settings.idle_timeout, moved=lambda: socket.moved)
        socket.closing.append(watch.stop)

    def _is_page(self, exchange: Exchange) -> bool:
        # Browsers always name the page that opens a WebSocket, and ask nobody before they do (RFC 6455 section 10.2).
        raw = exchange.headers.get(b"origin")
        if raw is None:
            if exchange.cookie is not None or (
                exchange.principal is not None and exchange.principal.scheme == "cookie"
            ):
                raise self._foreign(b"", "a cookie without an origin")
            return False
        if self._own.allow(exchange) or (self._here is not None and self._here.allow(exchange)):
            return True
        raise self._foreign(raw, "WebSocket from a foreign origin")

    def _foreign(self, origin: bytes, reason: str) -> ForeignOrigin:
        shown = {"origin": origin[:_LONGEST].decode("latin-1"), "kind": "websocket"}
        self._emit(Event(EventType.MALICIOUS_CORS, level=Level.WARN, reason=reason, details=shown))
        return ForeignOrigin(reason)

    def _awaits_token(self, exchange: Exchange) -> bool:
        rule: Any = exchange.rule
        return (
            self._settings.first_message
            and self._watches.ask is not None
            and exchange.failure is None
            and rule is not None
            and rule.protected
            and rule.access == "required"
        )

    async def _identify(self, exchange: Exchange) -> None:
        ask = self._watches.ask
        waiting = ask(exchange) if ask is not None else None
        if waiting is not None:
            await waiting
        if exchange.principal is None:
            raise exchange.failure or BadFirstMessage("no authenticator knows it")

    def _take(self, exchange: Exchange, subject: str, most: int) -> Callable[[], None]:
        if self._open[subject] >= most:
            self._excess(exchange, "connections")
            raise TooManyConnections(retry_after=_WAIT)
        self._open[subject] += 1
        return lambda: self._give_back(subject)

    def _give_back(self, subject: str) -> None:
        self._open[subject] -= 1
        if self._open[subject] <= 0:
            del self._open[subject]

    def _excess(self, exchange: Exchange, reason: str) -> None:
        who = exchange.principal.id if exchange.principal is not None else None
        self._emit(Event(EventType.EXCESS_RATE_LIMIT_EXCEEDED, who=who, level=Level.WARN, reason=reason))


def _socket(exchange: Exchange) -> Socket:
    socket: Socket = exchange.socket
    return socket
