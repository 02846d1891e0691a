"""Finds the route of a method and path as Starlette's router does, in about a microsecond however many there are.

It knows patterns and the root path, and nothing of how FastAPI keeps its routes; `routes.py` knows that.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from fastness.core.exchange import Scope

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Slot(Generic[T]):
    """One element of a router's list: a route with its value, or a mount with the index of what lives in it."""

    pattern: str | None
    """A path regex, or None where only `asks` knows."""
    methods: frozenset[str] | None
    value: T | None
    inner: Index[T] | None = None
    asks: Callable[[Scope], Scope | None] | None = None
    """The route's own code: what it adds to the scope when it matches in full, None when it does not."""
    root: str = ""
    """The root path that a mounted application sets whatever is around it."""


class Index(Generic[T]):
    """The slots of one router for one kind of connection, in matching order, arranged for look-up."""

    def __init__(self, slots: Iterable[Slot[T]]) -> None:
        self._slots = [_Compiled(slot) for slot in slots]
        dynamic = [slot for slot in self._slots if _literal(slot.pattern) is None]
        self._opaque = any(slot.pattern is None for slot in self._slots)
        self._static: dict[str, tuple[_Compiled[T], ...]] = {}
        for slot in self._slots:
            path = _literal(slot.pattern)
            if path is not None and path not in self._static and not self._opaque:
                same = [s for s in self._slots if s in dynamic or _literal(s.pattern) == path]
                self._static[path] = tuple(s for s in same if s.regex.match(path))
        self._direct = {path: _direct(slots) for path, slots in self._static.items() if all(map(_simple, slots))}
        self._depth = _shared_depth([slot.pattern for slot in dynamic])
        self._buckets = _buckets(dynamic, self._depth)
        self._wild = _Choice([slot for slot in dynamic if _segment(slot.pattern, self._depth) is None])

    def match(self, scope: Scope, root: str) -> T | None:
        """The value of the route that will answer under this root path; None for 404 and 405."""
        path = below(scope["path"], root) if root else scope["path"]
        direct = self._direct.get(path)
        if direct is not None:
            by_method, otherwise = direct
            return by_method.get(scope.get("method", ""), otherwise)
        if self._opaque:
            return self._scan(self._slots, path, scope, root)
        found = self._static.get(path)
        if found is None:
            parts = path.split("/", self._depth + 2)
            key = parts[self._depth + 1] if len(parts) > self._depth + 1 else ""
            choice = self._buckets.get(key, self._wild)
            slot = choice.first(path)
            if slot is None:
                return None
            if slot.inner is None and (slot.methods is None or scope["method"] in slot.methods):
                return slot.value
            found = choice.slots
        return self._scan(found, path, scope, root)

    def _scan(self, slots: Iterable[_Compiled[T]], path: str, scope: Scope, root: str) -> T | None:
        for slot in slots:
            if slot.asks is not None:
                child = slot.asks({**scope, "root_path": root})
                if child is None:
                    continue
                if slot.inner is not None:
                    return slot.inner.match(scope, slot.root or child.get("root_path", root))
                return slot.value
            if not slot.regex.match(path):
                continue
            if slot.inner is not None:
                matched = slot.mount.match(path)
                mounted = path[: len(path) - len(matched["path"]) - 1] if matched else ""
                return slot.inner.match(scope, slot.root or root + mounted)
            if slot.methods is None or scope["method"] in slot.methods:
                return slot.value
        return None


def below(path: str, root: str) -> str:
    """`path` without the root path, where it begins with it: what Starlette's `get_route_path` gives."""
    if root and path.startswith(root) and path[len(root) : len(root) + 1] in {"", "/"}:
        return path[len(root) :]
    return path


class _Compiled(Generic[T]):
    __slots__ = ("asks", "inner", "methods", "mount", "pattern", "regex", "root", "value")

    def __init__(self, slot: Slot[T]) -> None:
        self.methods, self.value, self.inner = slot.methods, slot.value, slot.inner
        self.asks, self.root = slot.asks, slot.root
        # Group names may repeat between routes; a combined expression needs none of them.
        known = slot.pattern if slot.asks is None else None
        self.pattern = None if known is None else _NAMED.sub("(?:", known)
        self.mount = re.compile(known if known is not None else r"(?!)")
        self.regex = re.compile(self.pattern if self.pattern is not None else r"(?!)")


def _simple(slot: _Compiled[T]) -> bool:
    return slot.asks is None and slot.inner is None


def _direct(slots: Iterable[_Compiled[T]]) -> tuple[dict[str, T | None], T | None]:
    """What each method gets at one path, and what all others get."""
    by_method: dict[str, T | None] = {}
    for slot in slots:
        if slot.methods is None:
            return by_method, slot.value
        for method in slot.methods:
            by_method.setdefault(method, slot.value)
    return by_method, None


class _Choice(Generic[T]):
    """Many patterns tried in order by one regular expression."""

    def __init__(self, slots: list[_Compiled[T]]) -> None:
        self.slots = tuple(slots)
        self._by_group: dict[int, _Compiled[T]] = {}
        group, parts = 1, []
        for slot in slots:
            self._by_group[group] = slot
            parts.append(f"({slot.pattern})")
            group += 1 + slot.regex.groups
        self._regex = re.compile("|".join(parts) or r"(?!)")

    def first(self, path: str) -> _Compiled[T] | None:
        matched = self._regex.match(path)
        # The outer group of an alternative closes last, so lastindex is its number.
        return self._by_group[matched.lastindex] if matched and matched.lastindex else None


_NAMED = re.compile(r"\(\?P<\w+>")
_SPECIAL = re.compile(r"[\\.^$*+?{}\[\]|()]")


def _literal(pattern: str | None) -> str | None:
    if pattern is None:
        return None
    inside = re.sub(r"\\(.)", r"\1", pattern[1:-1])
    return inside if re.escape(inside) == pattern[1:-1] else None


def _segments(pattern: str | None) -> list[str]:
    return pattern[1:-1].split("/")[1:] if pattern else []


def _segment(pattern: str | None, depth: int) -> str | None:
    segments = _segments(pattern)
    if len(segments) <= depth or _SPECIAL.search("".join(segments[: depth + 1]).replace("\\-", "").replace("\\.", "")):
        return None
    return re.sub(r"\\(.)", r"\1", segments[depth])


def _shared_depth(patterns: list[str | None]) -> int:
    """How many leading segments all dynamic routes share literally; the next one tells them apart."""
    depth = 0
    while patterns and depth < 8:  # noqa: PLR2004 - nobody nests deeper, and a wrong guess only costs time
        keys = {_segment(pattern, depth) for pattern in patterns}
        if len(keys) != 1 or None in keys:
            return depth
        depth += 1
    return 0


def _buckets(slots: list[_Compiled[T]], depth: int) -> dict[str, _Choice[T]]:
    keys = {key for slot in slots if (key := _segment(slot.pattern, depth)) is not None}
    return {key: _Choice([slot for slot in slots if _segment(slot.pattern, depth) in {key, None}]) for key in keys}
