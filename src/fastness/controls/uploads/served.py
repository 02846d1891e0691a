"""The folders that an application serves as static files, however deep they stand in its tree."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from starlette.staticfiles import StaticFiles

_DOWN = ("router", "app", "_base_app", "original_router", "default")
"""Where routers, mounts, middleware around a mount and FastAPI's included routers keep what is inside them."""
_LISTS = ("routes", "_low_priority_routes")
"""The second holds what `app.frontend()` serves (FastAPI 0.150 and later)."""


class Served:
    """Looks once, and again when a list of routes has become longer or shorter."""

    def __init__(self) -> None:
        self._app: Any = None
        self._lists: list[Sequence[Any]] = []
        self._length = 0
        self._folders: tuple[Path, ...] = ()

    def by(self, app: Any) -> tuple[Path, ...]:
        """The folders of this application, of its included routers and of what is mounted in them."""
        if app is not self._app or sum(map(len, self._lists)) != self._length:
            self._folders, self._lists = _walk(app)
            self._app, self._length = app, sum(map(len, self._lists))
        return self._folders


def _walk(app: Any) -> tuple[tuple[Path, ...], list[Sequence[Any]]]:
    folders: list[Path] = []
    lists: list[Sequence[Any]] = []
    waiting, seen = [app], set[int]()
    while waiting:
        one = waiting.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        if isinstance(one, StaticFiles):
            folders += [Path(folder).resolve() for folder in one.all_directories]
        # Only what it holds itself: a proxy that has an answer for every name would have no end.
        parts = getattr(one, "__dict__", {})
        waiting += [parts[name] for name in _DOWN if name in parts]
        for name in _LISTS:
            if isinstance(parts.get(name), Sequence):
                lists.append(parts[name])
                waiting += parts[name]
    return tuple(folders), lists
