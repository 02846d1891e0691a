"""Cookies of ours beside the session's, read as exactly, and the first of them: which browser asked for a code."""

from __future__ import annotations

from typing import Annotated

from fastapi import Cookie, Depends, Request, Response

from fastness.controls.cookies import value_of
from fastness.core.exchange import of

NAME = "__Host-flow"


def read(request: Request, name: str) -> str | None:
    """The value of a `__Host-` cookie, which other hosts cannot plant behind white space either.

    Raises:
        RepeatedSessionCookie: there are several.
    """
    exchange = of(request.scope)
    value = value_of(exchange, name.encode()) if exchange is not None else None
    return None if value is None else value.decode("latin-1")


def _flow(request: Request, _: Annotated[str | None, Cookie(alias=NAME)] = None) -> str | None:
    # The parameter is for the documentation alone. It judges nothing: its value may be the planted one.
    return read(request, NAME)


FlowCookie = Annotated[str | None, Depends(_flow)]


def remember(response: Response, flow: str, *, seconds: int) -> None:
    """Give the browser its flow id.

    Always with the prefix and Secure: browsers take such cookies from http://localhost too, and a name without the
    prefix could be planted by a neighbouring host.
    """
    response.set_cookie(NAME, flow, max_age=seconds, path="/", secure=True, httponly=True, samesite="strict")
