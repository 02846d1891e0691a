"""DELETE /account."""

from __future__ import annotations

from fastapi import APIRouter, Response

from fastness.accounts.api.session_cookie import TheBrowser
from fastness.accounts.api.shapes import Goodbye
from fastness.accounts.wiring import DeleteAccountFlow, FromClient
from fastness.controls.access import CurrentUser

router = APIRouter(tags=["profile"])


@router.delete("/account", status_code=204, response_class=Response)
async def delete_account(
    given: Goodbye, who: CurrentUser, client: FromClient, flow: DeleteAccountFlow, browser: TheBrowser
) -> Response:
    """Shut the caller's account at once, and delete it after the days in which that can be taken back."""
    await flow(who, given.password, client)
    return browser.forget(Response(status_code=204))
