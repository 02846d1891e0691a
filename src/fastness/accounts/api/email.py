"""POST /account/email and /account/email/confirm."""

from __future__ import annotations

from fastapi import APIRouter, Response

from fastness.accounts.api.flow_cookie import FlowCookie, remember
from fastness.accounts.api.shapes import NewEmail, Person, Proof, Started
from fastness.accounts.flows.refusals import InvalidCode
from fastness.accounts.wiring import ChangeEmailFlow, FromClient
from fastness.controls.access import CurrentUser

router = APIRouter(prefix="/account/email", tags=["profile"])


@router.post("", status_code=202)
async def change_email(
    given: NewEmail, who: CurrentUser, client: FromClient, flow: ChangeEmailFlow, response: Response
) -> Started:
    """Ask for another address, with the password as proof. The answer is the same for every address."""
    started = await flow.ask(who, given.email, given.password, client)
    remember(response, started, seconds=flow.settings.code_seconds)
    return Started(flow=started)


@router.post("/confirm")
async def confirm_email(
    given: Proof, who: CurrentUser, client: FromClient, flow: ChangeEmailFlow, cookie: FlowCookie
) -> Person:
    """Take the new address, with the link's token, or with the typed code and its flow. Other sessions end."""
    if given.token is not None:
        return Person.of(await flow.by_link(who, given.token, client))
    asked = given.flow or cookie
    if asked is None or given.code is None:
        raise InvalidCode("no flow")
    return Person.of(await flow.by_code(who, asked, given.code, client))
