"""Settings of the session cookie, and what they may not say."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import BaseModel, Field

from fastness.core.errors import UnsafeConfiguration

HOST = "__Host-"
"""With this prefix browsers refuse the cookie from other hosts, without TLS and with a Domain."""
_NAME = re.compile(r"(?:__Host-)?[A-Za-z0-9](?:[A-Za-z0-9_-]{0,62}[A-Za-z0-9])?")
_LONGEST = 400 * 86_400  # what browsers keep, RFC 6265bis section 5.5


class CookieSettings(BaseModel, frozen=True):
    """FASTNESS_COOKIES__*"""

    name: str = Field(
        default="__Host-session",
        description=(
            "Name of the session cookie. One without `__Host-` is for development over plain http; over https the prefix "
            "is put in front, and production refuses such a name."
        ),
    )
    same_site: Literal["lax", "strict"] = Field(
        default="lax", description="`strict`: not even a link from another site arrives signed in."
    )
    max_age: int = Field(
        default=7 * 86_400,
        ge=60,
        le=_LONGEST,
        description="Seconds after which the browser forgets the cookie, where whoever sets it says nothing else.",
    )

    def problems(self, *, production: bool) -> list[UnsafeConfiguration]:
        """A name that is none, or has no `__Host-` in production."""
        if _NAME.fullmatch(self.name) is None:
            return [_problem("the name of the session cookie is not a cookie name")]
        if production and not self.name.startswith(HOST):
            return [_problem("the session cookie has no __Host- prefix")]
        return []


def _problem(what: str) -> UnsafeConfiguration:
    return UnsafeConfiguration(
        what,
        where="FASTNESS_COOKIES__NAME",
        why="Without the prefix a neighbouring host, or anyone on the network path, can plant a session.",
        fix="Remove the setting, or write __Host- and letters, digits, _ and -.",
    )
