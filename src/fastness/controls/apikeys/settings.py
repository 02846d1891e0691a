"""How keys look, where they are read, and what they may do before their issuer says more."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field

from fastness.controls.apikeys.text import PREFIX
from fastness.core.errors import UnsafeConfiguration
from fastness.core.store import Rate

_HEADER = re.compile(r"[a-z0-9-]{1,64}")
_TAKEN = frozenset({"authorization", "cookie", "host", "content-type", "content-length", "origin", "x-request-id"})
_MOST_DAYS = 3650


def _rate_or_off(text: str) -> str:
    return str(Rate.parse(text)) if text.strip() else ""


class ApiKeySettings(BaseModel, frozen=True):
    """FASTNESS_APIKEYS__*"""

    prefix: str = Field(
        default="fast_live",
        description="New keys begin with it and an underscore. Name your product and environment: `acme_live`, `acme_test`.",
    )
    older_prefixes: tuple[str, ...] = Field(default=(), description="Prefixes of earlier keys that are still accepted.")
    header: str = Field(
        default="x-api-key", description="The request header that carries a key. Empty: only `Authorization: Bearer`."
    )
    bearer: bool = Field(default=True, description="Whether `Authorization: Bearer <key>` is read too.")
    per_key: Annotated[str, AfterValidator(_rate_or_off)] = Field(
        default="600/minute", description="Requests of one key that has no limit of its own; empty turns it off."
    )
    days: int = Field(
        default=365, ge=1, le=_MOST_DAYS, description="How long a new key is good unless its issuer says less."
    )
    cache_seconds: float = Field(
        default=1.0, ge=0, le=1, description="How long a known key is believed before the store is asked again."
    )

    def problems(self, *, production: bool) -> list[UnsafeConfiguration]:  # noqa: ARG002 - every control's signature
        """Prefixes and headers that are none, and a key that could be sent nowhere."""
        found: list[UnsafeConfiguration] = []
        if not all(PREFIX.fullmatch(each) for each in (self.prefix, *self.older_prefixes)):
            found.append(
                _problem(
                    "a prefix of API keys is not one to three lower-case words",
                    "PREFIX",
                    "Write it as in fast_live, without the last underscore.",
                )
            )
        if self.header and (not _HEADER.fullmatch(self.header.lower()) or self.header.lower() in _TAKEN):
            found.append(
                _problem("API keys cannot be read from this header", "HEADER", "Name a header of its own: x-api-key.")
            )
        if not self.header and not self.bearer:
            found.append(_problem("API keys are read nowhere", "HEADER", "Name a header, or set BEARER=true."))
        return found


def _problem(what: str, key: str, fix: str) -> UnsafeConfiguration:
    return UnsafeConfiguration(
        what,
        where=f"FASTNESS_APIKEYS__{key}",
        why="A key that people, scanners and servers cannot recognise is lost, leaked or refused.",
        fix=fix,
    )
