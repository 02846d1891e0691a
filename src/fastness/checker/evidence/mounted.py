"""Applications that are mounted into the loaded one: where their routes answer, and which rows stand for them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from fastness.checker.evidence.model import Application, Route
from fastness.checker.finding import Place

UNKNOWN = "{?}"
"""What the source writes into a path for a part that it cannot know."""
_PARAMETER = re.compile(r"\{[^}]*\}")


@dataclass(frozen=True, slots=True)
class Mounted:
    """What the source knows of everything inside one application, at the paths of the loaded tree."""

    routes: tuple[Route, ...]
    names: frozenset[str]
    """The applications whose routes these are."""


def mounted_in(root: Application, applications: Sequence[Application], loaded: Sequence[Route]) -> Mounted:
    """The static routes of `root` and of what it mounts, to whatever depth.

    An application of which the loaded tree shows nothing, as in another environment, is left alone.
    """
    at: dict[str, tuple[str, ...]] = {root.name: ("",)}
    waiting, inside = [root], list[Route]()
    while waiting:
        parent = waiting.pop()
        for child in applications:
            if child.parent != parent.name or child.name in at:
                continue
            if prefixes := tuple(_prefixes(child, parent, at[parent.name], loaded)):
                at[child.name] = prefixes
                waiting.append(child)
                inside += [replace(route, path=prefix + route.path) for prefix in prefixes for route in child.routes]
    names = frozenset(at) - {root.name}
    doors = {plain_path(prefix) for name in names for prefix in at[name]}
    # The loaded tree has what stands behind a mount in its place, so that the mount is no row of its own.
    kept = (r for r in (*root.routes, *inside) if r.kind != "mount" or plain_path(r.path) not in doors)
    return Mounted(tuple(kept), names)


def plain_path(path: str) -> str:
    """A path to compare: parameters without their names, no slash at the end."""
    return _PARAMETER.sub("{}", path).rstrip("/") or "/"


def overlap(one: Place, other: Place) -> bool:
    """Whether two places of one file share a line."""
    return one.line <= max(other.end_line, other.line) and other.line <= max(one.end_line, one.line)


def _prefixes(child: Application, parent: Application, before: Iterable[str], loaded: Sequence[Route]) -> Iterator[str]:
    """Where the loaded tree has the routes of the child: where the source mounts something, else the likeliest place."""
    stated = {plain_path(prefix + each.path) for prefix in before for each in parent.routes if each.kind == "mount"}
    found = Counter(
        there.path.removesuffix(route.path)
        for route in child.routes
        for there in loaded
        if there.kind == route.kind != "mount"
        and there.path.endswith(route.path)
        and there.place.path == route.place.path
        and overlap(there.place, route.place)
    )
    known = [prefix for prefix in found if plain_path(prefix) in stated]
    yield from known or [prefix for prefix, _ in found.most_common(1)]
