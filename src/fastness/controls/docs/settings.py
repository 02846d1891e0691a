"""Who may read the documentation of the interface."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import BaseModel, Field

from fastness.core.errors import UnsafeConfiguration

Level = Literal["off", "public", "required"]
_ORIGIN = re.compile(r"https?://[a-z0-9.-]{1,253}(?::[0-9]{1,5})?")


class DocSettings(BaseModel, frozen=True):
    """FASTNESS_DOCS__*"""

    access: Literal["development", "off", "public", "required"] = Field(
        default="development",
        description=(
            "Who reads `/docs`, `/redoc` and `/openapi.json`. `development`: everybody in development, nobody in "
            "production. `required`: signed-in callers. `public`, `off`: everybody, nobody."
        ),
    )
    role: str = Field(default="", description="With `required`: only callers with this role.")
    connect: tuple[str, ...] = Field(
        default=(),
        description=(
            "Other origins that the pages may call, such as `https://login.example.com` for its token endpoint, or the "
            "servers that the document names."
        ),
    )

    def level(self, *, production: bool) -> Level:
        """What `access` means here."""
        if self.access == "development":
            return "off" if production else "public"
        return self.access

    def problems(self, *, production: bool) -> list[UnsafeConfiguration]:
        """A role that would not be asked for, and origins that are none or have no TLS."""
        found: list[UnsafeConfiguration] = []
        if self.role and self.access != "required":
            found.append(
                _problem(
                    "a role is named for the documentation, and it is not asked for",
                    "ROLE",
                    "Set FASTNESS_DOCS__ACCESS=required, or remove the role.",
                )
            )
        if not all(_ORIGIN.fullmatch(origin) for origin in self.connect):
            found.append(
                _problem(
                    "an origin for the documentation pages is none",
                    "CONNECT",
                    "Write scheme, host and port alone: https://login.example.com.",
                )
            )
        elif production and any(origin.startswith("http:") for origin in self.connect):
            found.append(
                _problem("the documentation pages may call an origin without TLS", "CONNECT", "Use its https address.")
            )
        return found


def _problem(what: str, key: str, fix: str) -> UnsafeConfiguration:
    return UnsafeConfiguration(
        what,
        where=f"FASTNESS_DOCS__{key}",
        why="The document lists every operation, and tokens are typed into the page.",
        fix=fix,
    )
