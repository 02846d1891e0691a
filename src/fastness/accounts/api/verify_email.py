"""POST /auth/verify-email and its resend."""

from __future__ import annotations

from fastapi import APIRouter, Response

from fastness.accounts.api.flow_cookie import FlowCookie, remember
from fastness.accounts.api.session_cookie import TheBrowser
from fastness.accounts.api.shapes import Proof, Proved, Resend, Started
from fastness.accounts.flows.refusals import InvalidCode
from fastness.accounts.wiring import FromClient, VerifyEmailFlow
from fastness.core.declare import public

router = APIRouter(prefix="/auth/verify-email", tags=["sign-up"])


@router.post("")
@public("whoever holds a mailed code proves an address with it")
async def verify_email(given: Proof, client: FromClient, flow: VerifyEmailFlow, cookie: FlowCookie) -> Proved:
    """Confirm an address with the link's token, or with the typed code and its flow."""
    if given.token is not None:
        done = await flow.by_link(given.token, client)
    else:
        asked = given.flow or cookie
        if asked is None or given.code is None:
            raise InvalidCode("no flow")
        done = await flow.by_code(asked, given.code, client)
    return Proved(device_token=done.device_token)


@router.post("/resend", status_code=202)
@public("people who lost their code ask for another")
async def resend(
    *,
    given: Resend,
    client: FromClient,
    flow: VerifyEmailFlow,
    browser: TheBrowser,
    response: Response,
    cookie: FlowCookie,
) -> Started:
    """Ask for another code. The answer is the same for every address."""
    known = given.device_token or browser.device_token
    started = await flow.resend(given.email, client, before=given.flow or cookie, device_token=known)
    remember(response, started, seconds=flow.settings.code_seconds)
    return Started(flow=started)
