"""POST /auth/register."""

from __future__ import annotations

from fastapi import APIRouter, Response

from fastness.accounts.api.flow_cookie import remember
from fastness.accounts.api.shapes import Registration, Started
from fastness.accounts.wiring import FromClient, RegisterFlow
from fastness.core.declare import public

router = APIRouter(prefix="/auth", tags=["sign-up"])


@router.post("/register", status_code=202)
@public("this is how people get an account")
async def register(given: Registration, client: FromClient, flow: RegisterFlow, response: Response) -> Started:
    """Ask for an account. The answer is the same when the address has one already."""
    started = await flow(given.email, given.password, given.name, client, username=given.username)
    remember(response, started, seconds=flow.settings.code_seconds)
    return Started(flow=started)
