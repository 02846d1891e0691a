"""What every route is limited to, and whether answers say so."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, Field

from fastness.core.store import Rate


def _rate_or_off(text: str) -> str:
    return str(Rate.parse(text)) if text.strip() else ""


RateOrOff = Annotated[str, AfterValidator(_rate_or_off)]
"""`"300/minute"`, or `""` for no limit."""


class LimitSettings(BaseModel, frozen=True, extra="forbid"):
    """FASTNESS_LIMITS__*"""

    mode: Literal["enforce", "log"] = Field(
        default="enforce",
        description="`log` counts and reports, and lets every request pass, while you find the right numbers.",
    )
    per_address: RateOrOff = Field(
        default="300/minute",
        description="Requests of one client address (IPv6: one /64) to all routes together; empty turns it off.",
    )
    per_user: RateOrOff = Field(
        default="600/minute",
        description="Requests of one signed-in user to all routes together; empty turns it off.",
    )
    headers: bool = Field(
        default=True,
        description="Answers of routes with a declared limit, and refusals, carry RateLimit and RateLimit-Policy "
        "(draft-ietf-httpapi-ratelimit-headers-11), unless the limit is declared `hidden`.",
    )
