"""Every route of a FastAPI or Starlette application, on each FastAPI from 0.100.

Before 0.137 `app.routes` is flat: `include_router` copies. Since then it is a tree; 0.137.2 gave it a public walk. This
is the second place that knows the tree, since `fastness.routes` is absent where this runs; a test compares the two.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any


class Found:
    """One route where it stands in the tree."""

    __slots__ = ("app", "effective", "kind", "original", "path", "prefix")

    def __init__(self, path: str, kind: str, original: Any, effective: Any, *, app: Any, prefix: str) -> None:
        self.path, self.kind, self.original, self.effective, self.app = path, kind, original, effective, app
        self.prefix = prefix  # where `app` is mounted

    def get(self, name: str, default: Any = None) -> Any:
        """An attribute as it counts where the route is included; then as it was declared."""
        for holder in (self.effective, self.original):
            value = getattr(holder, name, None)
            if value is not None:
                return value
        return default


def walk(app: Any, prefix: str = "", seen: tuple[int, ...] = ()) -> Iterator[Found]:
    """In matching order. What a mount holds comes in its place; a mount that holds no routes is a route itself."""
    if id(app) in seen:
        return
    for original, effective in _contexts(list(getattr(app, "routes", None) or ())):
        found = Found(prefix, "http", original, effective, app=app, prefix=prefix)
        found.path = prefix + (found.get("path") or "")
        names = {cls.__name__ for cls in type(original).__mro__}
        if names & {"Mount", "Host"}:
            if "Host" in names:
                found.path = "//" + original.host + prefix
            inside = getattr(original, "_base_app", None) or getattr(original, "app", None)
            if getattr(inside, "routes", None):
                yield from walk(inside, found.path, (*seen, id(app)))
                continue
            found.kind = "mount"
            found.path = found.path or "/"
        elif "WebSocketRoute" in names:
            found.kind = "websocket"
        elif "Route" not in names:
            found.kind = "mount"
        yield found
    yield from _frontends(app, prefix)


def _contexts(routes: list[Any]) -> Iterator[tuple[Any, Any]]:
    """Each route with what it is where it is included; None for the second where that is the same."""
    module = sys.modules.get("fastapi.routing")
    public: Any = getattr(module, "iter_route_contexts", None)
    if public is not None:
        for context in public(routes):
            # In 0.137.2 the context of an included mount or WebSocket knows nothing about itself; the route that was
            # made for it does.
            made = getattr(getattr(context, "_route_context", None), "starlette_route", None)
            yield context.original_route, made or context
        return
    for route in routes:
        # FastAPI 0.137.0 and 0.137.1
        inside: Any = getattr(route, "effective_route_contexts", None)
        if inside is None:
            yield route, None
            continue
        for context in inside():
            yield context.original_route, getattr(context, "starlette_route", None) or context


def _frontends(app: Any, prefix: str) -> Iterator[Found]:
    # `router.frontend()` of FastAPI 0.150 and later serves files where no route matched.
    candidates: Any = getattr(getattr(app, "router", app), "_iter_low_priority_routes", None)
    for candidate in candidates() if candidates is not None else ():
        group, before = getattr(candidate, "original_route", candidate), getattr(candidate, "frontend_prefix", "")
        for frontend in getattr(group, "routes", ()):
            path = prefix + before + frontend.path.rstrip("/")
            yield Found(path or "/", "mount", frontend, candidate, app=app, prefix=prefix)
