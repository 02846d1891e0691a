"""Marks that code carries and the start check reads: what a callable provides, and why a route is public."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from fastness.core.exchange import Exchange

_PROVIDES = "__fastness_provides__"
_PUBLIC = "__fastness_public__"
_BODY = "__fastness_body__"
_OPENS = "__fastness_opens_session__"

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])


class Settling(Protocol):
    """A dependency whose answer the chain can know before the route is asked."""

    def settled(self, exchange: Exchange, /) -> bool:
        """Whether calling it now, under this chain, would pass and change nothing."""
        ...

    def answer(self, exchange: Exchange, /) -> Any:
        """What it would return, once `settled`."""
        ...


def provides(*controls: str) -> Callable[[T], T]:
    """Say which catalogue entries a class or callable provides, as in `@provides("access")`.

    A dependency that provides `"access"` counts as this route's access decision; one that only reads a header does not.
    """

    def mark(thing: T) -> T:
        setattr(thing, _PROVIDES, (*getattr(thing, _PROVIDES, ()), *controls))
        return thing

    return mark


def provided(thing: object) -> tuple[str, ...]:
    """The catalogue entries that `thing`, its class or the function it wraps provides."""
    found: tuple[str, ...] = getattr(thing, _PROVIDES, ())
    return found or getattr(getattr(thing, "func", None), _PROVIDES, ())


def public(reason: str) -> Callable[[F], F]:
    """Open one route to everybody, and say why: `@public("the load balancer asks; it returns no data")`.

    Raises:
        ValueError: when the reason is empty; an auditor will read it.
    """
    if not reason.strip():
        raise ValueError("public() needs a reason that an auditor can read")

    def mark(endpoint: F) -> F:
        setattr(endpoint, _PUBLIC, reason)
        return endpoint

    return mark


def opens_session(**query: str) -> Callable[[F], F]:
    """Say that an endpoint answers with a session cookie: `@opens_session()`, or only when asked to, `(mode="cookie")`.

    Nobody is signed in yet, so a page elsewhere could sign the visitor in as somebody else (login CSRF). Such a request
    must prove that it comes from our own pages.
    """

    def mark(endpoint: F) -> F:
        setattr(endpoint, _OPENS, tuple(query.items()))
        return endpoint

    return mark


def session_opening(endpoint: object) -> tuple[tuple[str, str], ...] | None:
    """The query parameters with which the endpoint opens a session; empty for always, None for never."""
    return getattr(_unwrapped(endpoint), _OPENS, None)


def limits_body(thing: object, max_bytes: int) -> None:
    """Say how many bytes a route may be sent that has this dependency."""
    setattr(thing, _BODY, max_bytes)


def body_limit_of(thing: object) -> int | None:
    """How many bytes a route with this dependency may be sent; None when it does not say."""
    return getattr(thing, _BODY, None)


def public_reason(endpoint: object) -> str | None:
    """Why the route is public, or None when it is not. A class says so itself: its parent's word is not its own."""
    endpoint = _unwrapped(endpoint)
    if not inspect.isroutine(endpoint):
        own = vars(endpoint if isinstance(endpoint, type) else type(endpoint)).get(_PUBLIC)
        return getattr(endpoint, "__dict__", {}).get(_PUBLIC, own)
    return getattr(endpoint, _PUBLIC, None)


def _unwrapped(endpoint: object) -> object:
    while isinstance(endpoint, functools.partial):
        endpoint = endpoint.func
    return endpoint
