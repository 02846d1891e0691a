"""/health, /ready, /.well-known/jwks.json and security.txt: what machines ask."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from pydantic import BaseModel

from fastness.accounts.signing import PUBLISHED
from fastness.accounts.wiring import TheService
from fastness.core.declare import public
from fastness.core.errors import Unavailable

router = APIRouter(tags=["operations"])
well_known = APIRouter(prefix="/.well-known", tags=["operations"])

_SECURITY_DAYS = 180


class NotReady(Unavailable):
    """The database does not answer."""

    code, public = "not_ready", "The service is not ready."


class Health(BaseModel):
    """The process runs."""

    status: Literal["ok"] = "ok"


@router.get("/health")
@public("the load balancer asks; it returns no data")
async def health() -> Health:
    """Whether this process runs. Touches no database."""
    return Health()


@router.get("/ready")
@public("the load balancer asks; it returns no data")
async def ready(service: TheService) -> Health:
    """Whether this process can answer requests that need the database."""
    if not await service.ready():
        raise NotReady
    return Health()


@well_known.get("/jwks.json")
@public("verifiers of access tokens read the public keys; no private part is in them")
async def jwks(service: TheService) -> JSONResponse:
    """The public keys of access tokens (RFC 7517)."""
    keys: dict[str, Any] = service.tokens.keys.jwks()
    return JSONResponse(keys, headers={"Cache-Control": f"public, max-age={PUBLISHED}"})


def security_txt(contact: str, public_url: str) -> APIRouter:
    """/.well-known/security.txt (RFC 9116), valid for half a year from this start."""
    expires = (datetime.now(UTC) + timedelta(days=_SECURITY_DAYS)).strftime("%Y-%m-%dT00:00:00Z")
    canonical = f"Canonical: {public_url.rstrip('/')}/.well-known/security.txt\n" if public_url else ""
    text = f"Contact: {contact}\nExpires: {expires}\n{canonical}Preferred-Languages: en\n"
    only = APIRouter(tags=["operations"])

    @only.get("/.well-known/security.txt", response_class=PlainTextResponse)
    @public("researchers look here for whom to tell")
    async def security() -> Response:
        """Whom to tell about a hole."""
        return PlainTextResponse(text)

    return only
