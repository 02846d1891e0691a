"""DELETE /account."""

from __future__ import annotations

from fastapi import APIRouter, Response

from fastness.accounts.api.session_cookie import TheBrowser
from fastness.accounts.api.shapes import Goodbye
from fastness.accounts.wiring import DeleteAccountFlow
from fastness.controls.access import CurrentUser

router = APIRouter(tags=["profile"])


@router.delete("/account", status_code=204, response_class=Response)
async def delete_account(given: Goodbye, who: CurrentUser, flow: DeleteAccountFlow, browser: TheBrowser) -> Response:
    """Delete the caller's account, with the password as proof."""
    await flow(who, given.password)
    return browser.forget(Response(status_code=204))
