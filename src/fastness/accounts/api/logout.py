"""POST /auth/logout and /auth/logout-all."""

from __future__ import annotations

from fastapi import APIRouter, Response

from fastness.accounts.api.session_cookie import TheBrowser
from fastness.accounts.wiring import LogoutFlow
from fastness.controls.access import CurrentUser

router = APIRouter(prefix="/auth", tags=["sign-in"])


@router.post("/logout", status_code=204, response_class=Response)
async def logout(who: CurrentUser, flow: LogoutFlow, browser: TheBrowser) -> Response:
    """End this session."""
    await flow.one(who)
    return browser.forget(Response(status_code=204))


@router.post("/logout-all", status_code=204, response_class=Response)
async def logout_all(who: CurrentUser, flow: LogoutFlow, browser: TheBrowser) -> Response:
    """End every session of the caller."""
    await flow.everywhere(who)
    return browser.forget(Response(status_code=204))
