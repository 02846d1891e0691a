"""POST /auth/password/forgot, /auth/password/reset and /account/password."""

from __future__ import annotations

from fastapi import APIRouter, Response

from fastness.accounts.api.flow_cookie import FlowCookie, remember
from fastness.accounts.api.session_cookie import TheBrowser
from fastness.accounts.api.shapes import Forgotten, NewPassword, ResetAnswer, ResetRequest, Started
from fastness.accounts.flows.refusals import InvalidCode
from fastness.accounts.wiring import ChangePasswordFlow, FromClient, ResetPasswordFlow
from fastness.controls.access import CurrentUser
from fastness.core.declare import public

router = APIRouter(tags=["password"])


@router.post("/auth/password/forgot", status_code=202)
@public("people who lost their password ask for a code")
async def forgot(
    given: Forgotten, client: FromClient, flow: ResetPasswordFlow, browser: TheBrowser, response: Response
) -> Started:
    """Ask for a code that chooses a new password. The answer is the same for every address."""
    known = given.device_token or browser.device_token
    started = await flow.forgot(given.email, client, device_token=known)
    remember(response, started, seconds=flow.settings.code_seconds)
    return Started(flow=started)


@router.post("/auth/password/reset")
@public("whoever holds a mailed code chooses a new password with it")
async def reset(given: ResetRequest, client: FromClient, flow: ResetPasswordFlow, cookie: FlowCookie) -> ResetAnswer:
    """Choose a new password with the link's token, or with the typed code and its flow. Every session ends."""
    if given.token is not None:
        done = await flow.by_link(given.token, given.password, client)
    else:
        asked = given.flow or cookie
        if asked is None or given.code is None:
            raise InvalidCode("no flow")
        done = await flow.by_code(asked, given.code, given.password, client)
    return ResetAnswer(device_token=done.device_token)


@router.post("/account/password", status_code=204, response_class=Response)
async def change_password(
    given: NewPassword, who: CurrentUser, client: FromClient, flow: ChangePasswordFlow
) -> Response:
    """Change the password, with the current one as proof. The caller's other sessions end."""
    await flow(who, given.password, given.new_password, client)
    return Response(status_code=204)
