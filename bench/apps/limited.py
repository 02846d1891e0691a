"""slowapi alone: one limit by address, and nothing else."""
# mypy: disable-error-code="import-not-found,untyped-decorator"
# Runs in its own environment, whose packages the type checker does not see.

from __future__ import annotations

from bench.apps.common import BILLION, ME
from fastapi import FastAPI, Request
from slowapi import Limiter, _rate_limit_exceeded_handler
from slowapi.errors import RateLimitExceeded
from slowapi.util import get_remote_address

app = FastAPI(openapi_url=None)
limiter = Limiter(key_func=get_remote_address)
app.state.limiter = limiter
app.add_exception_handler(RateLimitExceeded, _rate_limit_exceeded_handler)


@app.get("/me", response_model=None)
@limiter.limit(BILLION)
async def me(request: Request) -> dict[str, str]:  # noqa: ARG001 - slowapi finds the request by its name
    return ME
