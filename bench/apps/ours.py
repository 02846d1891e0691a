"""The same endpoint with all of Fastness, as the environment configures it; two routes more for the checks."""

from __future__ import annotations

from bench.apps.common import ME
from fastapi import Depends, FastAPI

from fastness import CurrentUser, public, require, secure

app = FastAPI(openapi_url=None)
secured = secure(app)


@app.get("/me", response_model=None, dependencies=[Depends(require(role="admin"))])
async def me() -> dict[str, str]:
    return ME


@app.post("/token/{user}/{role}")
@public("the benchmark has no sign-in")
async def token(user: str, role: str) -> dict[str, str]:
    if secured.tokens is None:
        raise RuntimeError("the benchmark measures our own tokens")
    return {"token": secured.tokens.issue(user, roles=[role])}


@app.post("/end-session")
async def end_session(who: CurrentUser) -> dict[str, str]:
    if secured.tokens is None or who.session is None:
        raise RuntimeError("the benchmark measures sessions that can end")
    secured.tokens.revocations.revoke_session(who.session, until=who.expires_at)
    return {"ended": who.session}
