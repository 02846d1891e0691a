"""The only module that knows FastAPI's route tree.

`walk` lists every route with its merged dependencies, mounts and included routers too. `Table` finds the route that
FastAPI itself would choose for a method and path, so that the chain can decide before the body is read.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeVar

from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts
from starlette.routing import BaseRoute, Host, Match, Mount, WebSocketRoute

from fastness.core.exchange import Scope
from fastness.direct import own_code
from fastness.lookup import Index, Slot

Kind = Literal["http", "websocket", "mount"]
T = TypeVar("T")
_FRAMEWORK = frozenset({"starlette.routing", "fastapi.routing"})


@dataclass(frozen=True, slots=True)
class Route:
    """One route as a client sees it."""

    path: str
    """The pattern from the application's root: `/users/{user_id}`; `//host/users` where another host is routed."""
    kind: Kind
    methods: frozenset[str] | None
    """None where the route takes every method."""
    endpoint: Callable[..., Any] | None
    calls: tuple[Callable[..., Any], ...] = ()
    """Every dependency in the merged dependant: the route's own, its routers' and the application's."""
    app: Any = field(default=None, repr=False, compare=False)
    """The application that owns the route."""
    within: tuple[tuple[str, Any], ...] = field(default=(), repr=False, compare=False)
    """Path and application of each mount around the route, outermost first."""
    handler: tuple[Any, Any] | None = field(default=None, repr=False, compare=False)
    """Whose `app` FastAPI calls, and the `APIRoute` behind it; None where a version hides it."""
    asked: bool = False
    """Whether code of its own, and not the path, decides what it answers."""

    def __str__(self) -> str:
        methods = ",".join(sorted(self.methods)) if self.methods else self.kind.upper()
        return f"{methods} {self.path}"


def walk(app: Any) -> Iterator[Route]:
    """Every route of a FastAPI or Starlette application, in matching order, those of mounted applications included."""
    for entry in _entries(app, _Place()):
        yield from entry.flat()


class Table(Generic[T]):
    """What `compile_route` made of each route, found again by method and path exactly as FastAPI's router would."""

    def __init__(self, app: Any, compile_route: Callable[[Route], T]) -> None:
        self._routers = tuple(_routers(app))
        self._stamp = self._count()
        self.values: list[T] = []
        entries = _entries(app, _Place())
        made: dict[int, T] = {}

        def value(route: Route) -> T:
            if id(route) not in made:
                made[id(route)] = compile_route(route)
                self.values.append(made[id(route)])
            return made[id(route)]

        self._http, self._websocket = (_index(entries, kind, value) for kind in ("http", "websocket"))

    def stale(self) -> bool:
        """Whether the route tree changed since this table was made. Cheap enough for every request.

        It sees what was added or removed, not one route written over another in a router's list.
        """
        return self._count() != self._stamp

    def match(self, scope: Scope) -> T | None:
        """The compiled value of the route that will answer, or None when the framework will answer 404 or 405."""
        index = self._http if scope["type"] == "http" else self._websocket
        return index.match(scope, scope.get("root_path", ""))

    def _count(self) -> int:
        count = 0
        for router in self._routers:
            count += len(router.routes) + getattr(router, "_routes_version", 0)
        return count


@dataclass(frozen=True, slots=True)
class _Place:
    """Where in the tree an application stands."""

    prefix: str = ""
    within: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class _Entry:
    """One element of a router's list, in matching order."""

    pattern: str | None
    route: Route | None
    inner: tuple[_Entry, ...] | None = None
    asks: Callable[[Scope], Scope | None] | None = None
    root: str = ""

    def flat(self) -> Iterator[Route]:
        if self.route is not None:
            yield self.route
        for entry in self.inner or ():
            yield from entry.flat()


def _index(entries: Iterable[_Entry], kind: Kind, value: Callable[[Route], T]) -> Index[T]:
    return Index(
        Slot(
            entry.pattern,
            entry.route.methods if entry.route is not None else None,
            value(entry.route) if entry.route is not None else None,
            _index(entry.inner, kind, value) if entry.inner is not None else None,
            entry.asks,
            entry.root,
        )
        for entry in entries
        if entry.route is None or entry.route.kind in {kind, "mount"}
    )


def _entries(app: Any, place: _Place) -> tuple[_Entry, ...]:
    found = [_entry(context, place, app) for context in iter_route_contexts(app.routes)]
    return (*found, *_frontends(app, place), *_default(app, place))


def _entry(context: Any, place: _Place, app: Any) -> _Entry:
    original = context.original_route
    path = place.prefix + (_known(context, "path") or "")
    pattern = _pattern(context)
    asks = None if pattern is not None and _plain(original) else _asks(context)
    if isinstance(original, Mount | Host):
        if isinstance(original, Host):
            path = f"//{original.host}{place.prefix}"
        base = getattr(original, "_base_app", _known(context, "app"))
        if getattr(base, "routes", None):
            inner = _entries(base, _Place(path, (*place.within, (path, base))))
            root = base.root_path if isinstance(base, FastAPI) else ""
            return _Entry(pattern, None, inner, asks, root)
        return _Entry(pattern, Route(path or "/", "mount", None, None, (), app, place.within), None, asks)
    if isinstance(original, WebSocketRoute):
        calls = tuple(_calls(_known(context, "dependant")))
        endpoint = _known(context, "endpoint")
        return _Entry(
            pattern,
            Route(path, "websocket", None, endpoint, calls, app, place.within, asked=asks is not None),
            None,
            asks,
        )
    if pattern is None:  # somebody's own BaseRoute
        route = Route(path or repr(original), "mount", None, None, (), app, place.within, asked=True)
        return _Entry(None, route, None, asks)
    methods = context.methods
    calls = tuple(_calls(context.dependant)) if isinstance(original, APIRoute) else ()
    route = Route(
        path,
        "http",
        frozenset(methods) if methods else None,
        context.endpoint,
        calls,
        app,
        place.within,
        _handler(context),
        asks is not None,
    )
    return _Entry(pattern, route, None, asks)


def _handler(context: Any) -> tuple[Any, Any] | None:
    original, inner = context.original_route, getattr(context, "_route_context", None)
    if not isinstance(original, APIRoute):
        return None
    holder = original if inner is None else inner
    return (holder, original) if getattr(holder, "app", None) is not None else None


def _known(context: Any, name: str) -> Any:
    # In the oldest FastAPI that we support the context of an included mount or WebSocket knows nothing about itself;
    # the route that was made for it does.
    return getattr(context, name, None) or getattr(_effective(context), name, None)


def _pattern(context: Any) -> str | None:
    regex = _known(context, "path_regex")
    return None if regex is None or isinstance(context.original_route, Host) else str(regex.pattern)


def _plain(route: BaseRoute) -> bool:
    return type(route).matches.__module__ in _FRAMEWORK


def _effective(context: Any) -> BaseRoute:
    inner = getattr(context, "_route_context", None)
    effective: BaseRoute = getattr(inner, "starlette_route", None) or context.original_route
    return effective


def _asks(context: Any) -> Callable[[Scope], Scope | None]:
    route, inner = _effective(context), getattr(context, "_route_context", None)
    # FastAPI tells an included route its full path in this way.
    more = {"effective_route_context": inner} if isinstance(route, APIRoute) and inner is not None else {}

    def asks(scope: Scope) -> Scope | None:
        match, child = route.matches({**scope, "fastapi": {**scope.get("fastapi", {}), **more}})
        return child if match is Match.FULL else None

    return asks


def _frontends(app: Any, place: _Place) -> Iterator[_Entry]:
    # Files that FastAPI's `router.frontend()` serves when no route matched (FastAPI 0.150 and later): the longest path
    # decides, whatever the order.
    candidates = getattr(getattr(app, "router", app), "_iter_low_priority_routes", None)
    found: list[tuple[str, tuple[Callable[..., Any], ...]]] = []
    for candidate in candidates() if candidates is not None else ():
        group, before = getattr(candidate, "original_route", candidate), getattr(candidate, "frontend_prefix", "")
        calls = tuple(_calls(getattr(candidate, "dependant", None)))
        found += [(before + frontend.path.rstrip("/"), calls) for frontend in getattr(group, "routes", ())]
    for path, calls in sorted(found, key=lambda each: -len(each[0])):
        route = Route(place.prefix + path or "/", "mount", None, None, calls, app, place.within)
        yield _Entry(f"^{re.escape(path)}(?:/.*)?$", route)


def _default(app: Any, place: _Place) -> Iterator[_Entry]:
    # What a router serves where nothing matched, when it is not the framework's own 404.
    default = getattr(getattr(app, "router", app), "default", None)
    own = inspect.ismethod(default) and default.__func__.__module__ in _FRAMEWORK
    if default is not None and not own:
        yield _Entry("^.*$", Route(place.prefix or "/", "mount", None, None, (), app, place.within))


def _calls(dependant: Any) -> Iterator[Callable[..., Any]]:
    for dependency in getattr(dependant, "dependencies", ()):
        if dependency.call is not None:
            yield dependency.call
        yield from _calls(dependency)


def framework_routers(app: Any) -> bool:
    """Whether every router in the tree of `app` finds and calls its routes with the framework's own code."""
    return all(
        own_code(getattr(type(router), name))
        for router in _routers(app)
        for name in ("app", "matches", "handle")
        if hasattr(type(router), name)
    )


def _routers(app: Any, seen: set[int] | None = None) -> Iterator[Any]:
    seen = set() if seen is None else seen
    router = getattr(app, "router", app)
    if id(router) in seen or not hasattr(router, "routes"):
        return
    seen.add(id(router))
    yield router
    for route in router.routes:
        child = getattr(route, "original_router", None) or getattr(route, "_base_app", None)
        if child is None and isinstance(route, Host):
            child = route.app
        if child is not None:
            yield from _routers(child, seen)
