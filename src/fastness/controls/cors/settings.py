"""Settings of CORS, and the lint that refuses origins and patterns which let strangers in."""

from __future__ import annotations

import re

from pydantic import BaseModel, Field

from fastness.core.errors import UnsafeConfiguration
from fastness.core.origins import wrong_origin

_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
# A pattern is https://, then labels, classes of plain characters and groups of them, and at its end a literal domain of
# two labels that stands after // or an escaped dot.
_PIECE = r"(?:[a-z0-9-]|\\[.d-]|\[[a-z0-9-]+\]|\(\?:|[()|+*?]|\{[0-9]{1,2}(?:,[0-9]{1,2})?\})"
_PATTERN = re.compile(rf"\^?https://{_PIECE}*(?:(?<=//)|(?<=\\\.))[a-z0-9-]+\\\.[a-z0-9-]*[a-z](?::[0-9]{{1,5}})?\$?")
_NESTED = re.compile(r"\)[+*{]")


class CorsSettings(BaseModel, frozen=True):
    """FASTNESS_CORS__*"""

    origins: tuple[str, ...] = Field(
        default=(),
        description="Origins that may read answers, such as `https://app.example.com`. Empty (and no patterns): CORS is off.",
    )
    origin_patterns: tuple[str, ...] = Field(
        default=(),
        description=r"Regular expressions for whole origins, such as `https://[a-z0-9-]+\.preview\.example\.com`.",
    )
    credentials: bool = Field(default=False, description="Whether cookies and HTTP authentication may be sent along.")
    methods: tuple[str, ...] = Field(
        default=("GET", "POST", "PUT", "PATCH", "DELETE"), description="Methods that a preflight may ask for."
    )
    headers: tuple[str, ...] = Field(
        default=("authorization", "content-type", "x-csrf-token", "x-request-id"),
        description="Request headers that a preflight may ask for.",
    )
    exposed: tuple[str, ...] = Field(
        default=("x-request-id", "retry-after", "ratelimit", "ratelimit-policy"),
        description="Response headers that scripts of allowed origins may read.",
    )
    max_age: int = Field(default=3600, ge=0, le=3600, description="Seconds a browser may remember a preflight.")

    def problems(self, *, production: bool) -> list[UnsafeConfiguration]:
        """Origins that are none, patterns that let strangers in, and `*` together with credentials."""
        found: list[UnsafeConfiguration] = []
        if "*" in self.origins and self.credentials:
            what = "every origin is allowed, with credentials"
            found.append(_problem(what, "List the origins, such as https://app.example.com.", key="ORIGINS"))
        for origin in self.origins:
            wrong = "" if origin == "*" else wrong_origin(origin, production=production)
            if wrong:
                found.append(_problem(*wrong, key="ORIGINS"))
        for pattern in self.origin_patterns:
            wrong = _wrong_pattern(pattern)
            if wrong:
                found.append(_problem(*wrong, key="ORIGIN_PATTERNS"))
        for name in ("methods", "headers", "exposed"):
            if not all(_TOKEN.fullmatch(entry) and entry != "*" for entry in getattr(self, name)):
                what = f"{name} has an entry that is no plain HTTP token"
                found.append(_problem(what, "Write each name out; `*` is not one.", key=name.upper()))
        return found


def _wrong_pattern(pattern: str) -> tuple[str, str] | None:
    fix = r"Write https://, plain classes, and the domain with escaped dots: https://[a-z0-9-]+\.example\.com."
    try:
        re.compile(pattern)
    except re.error:
        return "an origin pattern is not a regular expression", fix
    if _PATTERN.fullmatch(pattern) is None:
        return "an origin pattern can match a stranger's domain", fix
    if _NESTED.search(pattern) or "|" in _outside_groups(pattern):
        return "an origin pattern repeats a group or has alternatives outside of one", fix
    return None


def _outside_groups(pattern: str) -> str:
    depth, outside = 0, ""
    for character in pattern:
        depth += (character == "(") - (character == ")")
        outside += character if depth == 0 else ""
    return outside


def _problem(what: str, fix: str, *, key: str) -> UnsafeConfiguration:
    return UnsafeConfiguration(
        what,
        where=f"FASTNESS_CORS__{key}",
        why="A page of an allowed origin reads every answer its visitor may see.",
        fix=fix,
    )
