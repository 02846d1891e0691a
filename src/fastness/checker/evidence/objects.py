"""Objects of one account, made through the application's own routes, for asking whether another account reaches them."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fastness.checker.evidence.attacker import Attacker
from fastness.checker.evidence.exchange import Answer
from fastness.checker.evidence.identities import Identity
from fastness.checker.evidence.model import Route
from fastness.checker.evidence.operations import parameters_of

_ITEM = re.compile(r"^(?P<all>.*?)/\{(?P<name>[^}:/]+)(?::[^}]*)?\}/?$")
_IDS = ("id", "uuid", "_id", "slug", "key", "name")
_OWNERS = re.compile(
    r"(?:^|_)(?:owner|user|author|account|creator|customer|member)(?:_?(?:id|name|email))?$|^created_by", re.IGNORECASE
)
_SIGN_IN = re.compile(r"regist|sign|log_?-?in|token|auth|session", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Owned:
    """One object that an account made, and the routes that name it."""

    name: str
    """The parameter in the path."""
    value: str
    made: Answer
    items: tuple[Route, ...]
    listing: Route | None


async def owned(attacker: Attacker, who: Identity) -> AsyncIterator[Owned]:
    """Objects that `who` can make with one POST of sample values."""
    for collection, items in _collections(attacker.routes).items():
        make = next((r for r in attacker.routes if r.path.rstrip("/") == collection and "POST" in r.methods), None)
        if make is None or parameters_of(make.path) or _SIGN_IN.search(make.path):
            continue
        made = await attacker.attempt(make, "POST", by=who)
        match = _ITEM.match(items[0].path)
        value = _id(made.value, match["name"]) if made.ok and match is not None else ""
        if value and match is not None:
            listing = next(
                (r for r in attacker.routes if r.path.rstrip("/") == collection and "GET" in r.methods), None
            )
            yield Owned(match["name"], value, made, tuple(items), listing)


def belongs(value: Any, who: Identity) -> bool:
    """Whether an answer names this account as the owner."""
    names = {who.id, who.email, who.username} - {""}
    return any(_OWNERS.search(key) and str(each) in names for key, each in _pairs(value))


def mentions(answer: Answer, value: str) -> bool:
    """Whether a list holds an object with this id."""
    return any(str(each) == value for _, each in _pairs(answer.value))


def _collections(routes: tuple[Route, ...]) -> dict[str, list[Route]]:
    found: dict[str, list[Route]] = {}
    for route in routes:
        match = _ITEM.match(route.path)
        if match is not None and route.kind == "http" and "{" not in match["all"]:
            found.setdefault(match["all"], []).append(route)
    return found


def _id(value: Any, name: str) -> str:
    if not isinstance(value, Mapping):
        return ""
    for key in (name, *_IDS):
        if isinstance(value.get(key), str | int) and not isinstance(value.get(key), bool):
            return str(value[key])
    inner = [each for each in value.values() if isinstance(each, Mapping)]
    return next((found for each in inner if (found := _id(each, name))), "")


def _pairs(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for key, each in value.items():
            if isinstance(each, Mapping | list):
                yield from _pairs(each)
            else:
                yield str(key), each
    elif isinstance(value, list):
        for each in value:
            yield from _pairs(each)
