"""What the chain has settled is not asked again: a route answers without those of our dependencies that would pass.

FastAPI spends about ten microseconds on each dependency, more than the chain on a whole request. So a route gets two
handlers: the one that FastAPI made, and one without the dependencies that are settled. The second answers only when the
chain has found, for this request and this route, that each of them would pass; every refusal is still the dependency's
own, raised where it always was. A chain that is not there, another version of FastAPI's internals, somebody's own
handler, or an override in a test leave the first in charge.
"""

from __future__ import annotations

import copy
import functools
import inspect
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from dataclasses import replace
from typing import Any, TypeGuard

from fastapi import routing
from fastapi.dependencies.models import Dependant

from fastness.core.declare import Settling
from fastness.core.exchange import App, Exchange, Quiet, Receive, Scope, Send
from fastness.direct import Direct

_context: ContextVar[Any] | None = getattr(routing, "_effective_route_context_var", None)
_CONNECTION = "fastness_connection"


class Shortcut:
    """Stands where FastAPI calls a route, and picks one of its two handlers."""

    def __init__(
        self, full: App, short: App, made_for: Dependant, calls: tuple[Settling, ...], direct: App | None
    ) -> None:
        self.full, self.made_for = full, made_for
        self._short, self._calls = short, calls
        self.direct = direct
        """Calls the route without FastAPI's stack before it; None where that is needed."""

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Answer the request."""
        exchange: Exchange | None = scope.get("fastness")
        settled = exchange is not None and exchange.settled is self
        return (self._short if settled else self.full)(scope, receive, send)

    def settle(self, exchange: Exchange) -> None:
        """Note in the exchange that every dependency left out would pass, if that is so."""
        for call in self._calls:
            if not call.settled(exchange):
                return
        exchange.settled = self


class Shortcuts(Quiet):
    """The last element of the chain."""

    def __init__(self, direct: Direct) -> None:
        self._direct = direct

    def enter(self, exchange: Exchange, /) -> None:
        """Settle the matched route."""
        rule = exchange.rule
        if rule is None or rule.shortcut is None:
            return
        for app in rule.overridable:
            if app.dependency_overrides:
                return
        rule.shortcut.settle(exchange)
        if exchange.settled is not None and self._direct.open:
            exchange.answering = rule.shortcut.direct


def shorten(holder: Any, original: Any, direct: Direct | None = None) -> Shortcut | None:
    """Give a route its second handler; None where there is nothing to leave out, or where it is not ours to replace.

    Args:
        holder: whose `app` FastAPI calls: the route, or what it made of one when its router was included.
        original: the `APIRoute` itself.
        direct: knows the way around FastAPI's stack; None where the route cannot be reached without.
    """
    dependant, app = holder.dependant, holder.app
    if isinstance(app, Shortcut):
        if app.made_for is dependant:
            return app
        app = app.full
    if not _untouched(app):
        return None
    named = inspect.isfunction(dependant.call) and not _generates(dependant.call)
    left_out = [each for each in dependant.dependencies if _settling(each.call) and (named or each.name is None)]
    if not left_out:
        return None
    rest = [each for each in dependant.dependencies if each not in left_out]
    short = replace(dependant, dependencies=rest)
    given = {each.name: each.call for each in left_out if each.name is not None}
    if given:
        short.http_connection_param_name = dependant.http_connection_param_name or _CONNECTION
        short.call = _supplied(dependant.call, given, short.http_connection_param_name)
    straight = direct.to(holder, original) if direct is not None else None
    calls = tuple(each.call for each in left_out)
    shortcut = Shortcut(app, _handler(holder, original, short), dependant, calls, straight)
    holder.app = shortcut
    return shortcut


def _untouched(app: Any) -> bool:
    # Anything else is a body limit of FastAPI's or a wrapper of the user's, which a second handler would go around.
    return getattr(app, "__module__", "") == routing.__name__ and app.__qualname__ == "request_response.<locals>.app"


def _settling(call: Any) -> TypeGuard[Settling]:
    # A subclass with a `__call__` of its own decides something else.
    own = next((kind for kind in type(call).__mro__ if "__call__" in vars(kind)), object)
    return "settled" in vars(own)


def _generates(call: Callable[..., Any]) -> bool:
    return inspect.isgeneratorfunction(call) or inspect.isasyncgenfunction(call)


def _supplied(endpoint: Callable[..., Any], given: Mapping[str, Settling], connection: str) -> Callable[..., Any]:
    """`endpoint` with the answers of dependencies left out, read from the exchange."""

    def complete(values: dict[str, Any]) -> dict[str, Any]:
        exchange: Exchange = values[connection].scope["fastness"]
        if connection == _CONNECTION:
            del values[connection]
        for name, call in given.items():
            values[name] = call.answer(exchange)
        return values

    if inspect.iscoroutinefunction(endpoint):

        @functools.wraps(endpoint)
        async def waiting(**values: Any) -> Any:
            return await endpoint(**complete(values))

        return waiting

    @functools.wraps(endpoint)
    def direct(**values: Any) -> Any:
        return endpoint(**complete(values))

    return direct


def _handler(holder: Any, original: Any, short: Dependant) -> App:
    twin = copy.copy(holder)
    twin.dependant = short
    if holder is original or _context is None:
        return routing.request_response(twin.get_route_handler())
    token = _context.set(twin)
    try:
        return routing.request_response(original.get_route_handler())
    finally:
        _context.reset(token)
