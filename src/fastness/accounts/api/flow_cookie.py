"""The `__Host-flow` cookie: which browser asked for a code."""

from __future__ import annotations

from typing import Annotated

from fastapi import Cookie, Response

NAME = "__Host-flow"

FlowCookie = Annotated[str | None, Cookie(alias=NAME, max_length=256)]


def remember(response: Response, flow: str, *, seconds: int) -> None:
    """Give the browser its flow id.

    Always with the prefix and Secure: browsers take such cookies from http://localhost too, and a name without the
    prefix could be planted by a neighbouring host.
    """
    response.set_cookie(NAME, flow, max_age=seconds, path="/", secure=True, httponly=True, samesite="strict")
