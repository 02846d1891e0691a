"""`Depends(limit("5/minute"))`: a declaration in the chain, a small limiter of its own without one."""

# No `from __future__ import annotations`: FastAPI cannot resolve the text annotations of a callable instance.

import re
from collections.abc import MutableMapping
from typing import Any, Literal

from starlette.exceptions import HTTPException, WebSocketException
from starlette.requests import HTTPConnection

from fastness.core import exchange as exchanges
from fastness.core.address import client_key
from fastness.core.declare import provides
from fastness.core.errors import TooManyRequests
from fastness.core.principal import Principal
from fastness.core.store import MemoryStore, Rate

By = Literal["address", "user"]
_NAME = re.compile(r"\A[a-z0-9][a-z0-9_.-]{0,63}\Z")


@provides("limits")
class Limit:
    """One declared limit, used as a dependency.

    In the chain, which has counted before the body was read, the call only checks that it did. Where the chain did not
    count this limit, or does not exist, it counts by itself in this process.
    """

    def __init__(self, rate: Rate, *, by: By, name: str | None, hidden: bool) -> None:
        self.rate, self.by, self.name, self.hidden = rate, by, name, hidden
        self._store = MemoryStore(capacity=50_000)

    async def __call__(self, connection: HTTPConnection) -> None:
        """Count this request, unless the chain has.

        Raises:
            HTTPException: 429 with Retry-After, when the limit is reached.
            WebSocketException: 1008, the same for a WebSocket.
        """
        scope = connection.scope
        found = exchanges.of(scope)
        if found is not None and found.limited and self._declared(found.rule):
            return
        hit = self._store.hit(f"{self._route(scope)} {self._subject(scope, found)}", self.rate)
        if hit.allowed:
            return
        refused = TooManyRequests(retry_after=self.wait(hit.retry_after))
        if scope["type"] == "websocket":
            raise WebSocketException(1008, refused.public)
        raise HTTPException(refused.status, refused.public, refused.headers)

    def settled(self, exchange: exchanges.Exchange, /) -> bool:
        """Whether the chain has counted this limit."""
        return exchange.limited and self._declared(exchange.rule)

    def answer(self, exchange: exchanges.Exchange, /) -> None:
        """Nothing, as ever."""

    def wait(self, retry_after: float) -> float:
        """The seconds that the answer states: a hidden limit says whole minutes, so that its state stays hidden."""
        return -(-retry_after // 60) * 60 if self.hidden else retry_after

    def _declared(self, rule: Any) -> bool:
        return rule is not None and self in (rule.limits_by_address if self.by == "address" else rule.limits_by_user)

    def _route(self, scope: MutableMapping[str, Any]) -> str:
        if self.name is not None:
            return self.name
        route = scope.get("route")
        # The endpoint tells apart equal paths of two routers; the method is not part of it, or a second method that
        # the same route answers would be a second bucket.
        return f"{getattr(route, 'path', '')} {id(scope.get('endpoint'))}"

    def _subject(self, scope: MutableMapping[str, Any], found: exchanges.Exchange | None) -> str:
        user = _user(scope, found) if self.by == "user" else None
        if user is not None:
            return f"user {user}"
        client = scope.get("client")
        return f"address {client_key(found.client_key if found is not None else client[0] if client else 'unknown')}"

    def __repr__(self) -> str:
        name = f", name={self.name!r}" if self.name else ""
        return f"limit({str(self.rate)!r}, by={self.by!r}{name})"


def limit(rate: str, *, by: By = "address", name: str | None = None, hidden: bool = False) -> Limit:
    """Limit a route or router: `Depends(limit("5/minute", by="address"))`.

    `"5/minute"` is five requests at once, then one every twelve seconds. Each route has its own count, unless `name`
    shares one among all limits of that name and rate. `by="user"` counts by the verified caller, and by address where
    nobody signed in. `hidden` is for sign-in and code routes: no counters in the answer, Retry-After in whole minutes.

    Raises:
        ValueError: when the rate, `by` or `name` (lower-case letters, digits, `_.-`) is malformed.
    """
    if by not in {"address", "user"}:
        raise ValueError(f'by is "address" or "user", not {by!r}')
    if name is not None and not _NAME.match(name):
        raise ValueError(f"not a name for a limit: {name!r}; use lower-case letters, digits and _ . -")
    return Limit(Rate.parse(rate), by=by, name=name, hidden=hidden)


def _user(scope: MutableMapping[str, Any], found: exchanges.Exchange | None) -> str | None:
    if found is not None and found.principal is not None:
        return found.principal.id
    user = scope.get("user")  # Starlette's AuthenticationMiddleware, or a principal put there
    if isinstance(user, Principal):
        return user.id
    if not getattr(user, "is_authenticated", False):
        return None
    try:
        return str(user.identity)  # type: ignore[union-attr]
    except (AttributeError, NotImplementedError):  # a class of the application's own may have none
        name: str | None = getattr(user, "display_name", None)
        return name
