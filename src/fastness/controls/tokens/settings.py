"""What every access token of this application has in common."""

from __future__ import annotations

from pydantic import BaseModel, Field

from fastness.core.errors import UnsafeConfiguration


class TokenSettings(BaseModel, frozen=True):
    """FASTNESS_TOKENS__*"""

    issuer: str = Field(
        default="",
        max_length=500,
        description="The `iss` of every token, compared exactly; the public URL of the application unless set.",
    )
    audience: str = Field(
        default="",
        max_length=500,
        description="The `aud` of every token, compared exactly; the issuer unless set.",
    )
    lifetime: int = Field(default=600, ge=1, le=3600, description="Seconds from issue to expiry.")
    max_lifetime: int = Field(
        default=3600,
        ge=1,
        le=86_400,
        description="Seconds. A token that claims a longer life is refused, whoever signed it (RFC 6750 section 5.3).",
    )
    leeway: int = Field(
        default=30,
        ge=0,
        le=60,
        description="Seconds by which `iat` and `nbf` may lie ahead of this clock. Expiry has no leeway.",
    )
    require_session: bool = Field(
        default=True,
        description="Every token belongs to a session (`sid`) that can be revoked. Off for service tokens only.",
    )
    cache_size: int = Field(
        default=4096,
        ge=0,
        le=100_000,
        description="Verified tokens kept in each of the two generations of the cache; 0 verifies every time.",
    )

    def problems(self, *, production: bool) -> list[UnsafeConfiguration]:
        """What must stop the start, as far as these settings alone can tell."""
        found: list[UnsafeConfiguration] = []
        if production and self.issuer.startswith("http://"):
            found.append(
                UnsafeConfiguration(
                    "tokens name an issuer without TLS",
                    where="FASTNESS_TOKENS__ISSUER",
                    why="whoever fetches the keys of this issuer can be given other keys on the way",
                    fix="use the https:// address of this application",
                )
            )
        if self.lifetime > self.max_lifetime:
            found.append(
                UnsafeConfiguration(
                    "tokens would outlive the longest life that is accepted",
                    where="FASTNESS_TOKENS__LIFETIME",
                    why="every token would be refused",
                    fix="make lifetime at most max_lifetime",
                )
            )
        return found
