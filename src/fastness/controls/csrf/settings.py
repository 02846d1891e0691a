"""Settings of CSRF protection."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from fastness.core.errors import UnsafeConfiguration
from fastness.core.origins import wrong_origin


class CsrfSettings(BaseModel, frozen=True):
    """FASTNESS_CSRF__*"""

    mode: Literal["enforce", "log"] = Field(
        default="enforce", description="`log` lets requests pass and only reports them, while you migrate."
    )
    trusted_origins: tuple[str, ...] = Field(
        default=(),
        description=(
            "Other origins of this site whose pages may act for the visitor, such as `https://app.example.com`; the "
            "public URL's is always one."
        ),
    )
    same_site: bool = Field(
        default=False, description="Trust every page under the same registrable domain, where Sec-Fetch-Site says so."
    )
    token: Literal["always", "fallback"] = Field(
        default="always",
        description="`fallback` asks for a token only where neither Sec-Fetch-Site nor Origin nor Referer says the source.",
    )
    form_bytes: int = Field(
        default=65_536,
        ge=256,
        le=2**20,
        description="Bytes of a form's beginning in which its token is looked for; put the field before files.",
    )

    def problems(self, *, production: bool) -> list[UnsafeConfiguration]:
        """Trusted origins that are none, `null`, or plain http in production."""
        return [
            UnsafeConfiguration(
                wrong[0],
                where="FASTNESS_CSRF__TRUSTED_ORIGINS",
                why="A page of a trusted origin acts in the name of every visitor who is signed in.",
                fix=wrong[1],
            )
            for origin in self.trusted_origins
            if (wrong := wrong_origin(origin, production=production)) is not None
        ]
