"""A settled route is called where the chain ends: nothing between the two would do anything for it.

Behind the chain FastAPI's own stack searches its routes one after the other, and wraps each request twice for exceptions
that the route's own wrapper has handled already. The chain knows the route, so it asks that one alone whether it matches,
and lays into the scope what the stack would have laid there. A middleware of the application's own, another router, a body
limit of FastAPI's, its telemetry, or a framework whose code somebody replaced: then the stack answers, as ever.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AsyncExitStack
from types import FunctionType, MethodType
from typing import Any

from fastapi import FastAPI, params, routing
from starlette.routing import Match

try:
    from starlette.middleware import body_limit
except ImportError:  # Starlette before 1.4
    body_limit = None  # type: ignore[assignment]

from fastness.core.exchange import App, Receive, Scope, Send

_FRAMEWORK = ("fastapi.", "starlette.")
_IDLE = frozenset({"ExceptionTelemetryMiddleware", "AppBodyLimitMiddleware", "AsyncExitStackMiddleware"})
_NEEDED = frozenset({"fastapi.telemetry", getattr(body_limit, "MAX_BODY_SIZE_SCOPE_KEY", "")})
"""What the scope holds when FastAPI's telemetry, or a body limit of FastAPI's around this application, waits in the stack."""
_CONTEXT: str = getattr(routing, "_FASTAPI_EFFECTIVE_ROUTE_CONTEXT_KEY", "")
_SCOPE: str = getattr(routing, "_FASTAPI_SCOPE_KEY", "")


class Direct:
    """What stands between the chain and the routes of one application."""

    def __init__(self) -> None:
        self.open = False
        """Whether nothing but FastAPI's own stands there."""
        self._stack: Any = None
        self._router: Any = None
        self._handlers: Any = None

    def learn(self, app: FastAPI, stack: App) -> None:
        """Look at the finished stack of middleware."""
        self.open, handlers, inner = False, None, stack
        while type(inner) is not type(app.router):
            name = type(inner).__name__
            if not own_code(type(inner).__call__) or name not in {*_IDLE, "ExceptionMiddleware"}:
                return
            if name == "ExceptionMiddleware":
                handlers = (inner._exception_handlers, inner._status_handlers)  # type: ignore[attr-defined]  # noqa: SLF001
            inner = inner.app  # type: ignore[attr-defined]
        if inner is app.router and handlers is not None and _plain_router(app.router):
            self.open = True
            self._stack, self._router, self._handlers = stack, app.router, handlers

    def to(self, holder: Any, original: Any) -> App | None:
        """What calls this route with what the stack would have prepared; None when the stack is needed.

        Args:
            holder: what FastAPI matches: the route, or what it made of one when its router was included.
            original: the `APIRoute` itself.
        """
        if not all(map(own_code, (type(original).matches, type(original).handle, type(holder).matches))):
            return None
        if holder is not original and not (_CONTEXT and _SCOPE):
            return None
        if holder.body_field is not None and isinstance(holder.body_field.field_info, params.Form):
            return None  # limits of forms come down through the stack
        matches: Callable[[Scope], tuple[Match, Scope]] = holder.matches
        included = holder is not original

        async def direct(scope: Scope, receive: Receive, send: Send) -> None:
            try:
                match, child = matches(scope) if scope.keys().isdisjoint(_NEEDED) else (Match.NONE, scope)
            except Exception:  # noqa: BLE001 - a convertor's; the stack raises it again, where the application's handlers hear of it
                match, child = Match.NONE, scope
            if match is not Match.FULL:
                await self._stack(scope, receive, send)
                return
            scope.setdefault("router", self._router)
            scope["starlette.exception_handlers"] = self._handlers
            scope.update(child)
            if included:
                scope["route"] = original
                scope[_SCOPE] = {**scope.get(_SCOPE, {}), _CONTEXT: holder}
            async with AsyncExitStack() as files:
                scope["fastapi_middleware_astack"] = files
                await holder.app(scope, receive, send)

        return direct


def own_code(method: Any) -> bool:
    """Whether this is a function of FastAPI or Starlette, as they wrote it."""
    # A wrapper, as tracers put around it, is no plain function any more, or was written elsewhere, whatever it says of itself.
    return type(method) is FunctionType and method.__globals__["__name__"].startswith(_FRAMEWORK)


def _plain_router(router: Any) -> bool:
    stack = router.middleware_stack
    return isinstance(stack, MethodType) and stack.__func__ is type(router).app and own_code(type(router).app)
