"""/auth/passkeys and /account/passkeys."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Response

from fastness.accounts.api.passkey_shapes import (
    NewPasskey,
    OptionsFor,
    OwnPasskey,
    PasskeyAdded,
    PasskeyList,
    PasskeyLoginGiven,
    PasskeyName,
    PasskeyOptions,
    SignInOptions,
)
from fastness.accounts.api.session_cookie import Mode, TheBrowser
from fastness.accounts.api.shapes import BrowserAnswer, LoginAnswer
from fastness.accounts.wiring import FromClient, LogoutFlow, ManagePasskeysFlow, PasskeyLoginFlow, SecondFactorFlow
from fastness.controls.access import CurrentUser
from fastness.core.declare import opens_session, public

router = APIRouter(tags=["passkeys"])

PasskeyId = Annotated[str, Path(max_length=32, pattern=r"^[A-Za-z0-9_-]+$")]


@router.post("/auth/passkeys/options")
@public("whoever wants to sign in asks for a challenge; it tells nothing about anybody")
async def sign_in_options(
    *,
    given: OptionsFor,
    client: FromClient,
    flow: PasskeyLoginFlow,
    second: SecondFactorFlow,
    mode: Mode = "token",
) -> SignInOptions:
    """A challenge for a sign-in by passkey alone, or for the second factor of one that was begun. No address is asked for."""
    if given.mfa_token is not None:
        options = await second.passkey_options(
            given.mfa_token, client, form="cookie" if mode == "cookie" else "refresh"
        )
        return SignInOptions(options=options)
    asked = await flow.options(client)
    return SignInOptions(options=dict(asked.options), flow=asked.flow)


@router.post("/auth/passkeys/login")
@public("this is how people prove who they are")
@opens_session(mode="cookie")
async def passkey_login(
    *,
    given: PasskeyLoginGiven,
    client: FromClient,
    flow: PasskeyLoginFlow,
    logout: LogoutFlow,
    browser: TheBrowser,
    mode: Mode = "token",
) -> LoginAnswer | BrowserAnswer:
    """Exchange a passkey's answer for the tokens of a new session, or for its cookie."""
    answer = given.passkey.model_dump()
    if mode == "token":
        return LoginAnswer.of(await flow.for_client(given.flow, answer, client, device_token=given.device_token))
    browser.available()
    known, before = given.device_token or browser.device_token, browser.signed_in
    done = await flow.for_browser(given.flow, answer, client, device_token=known)
    if before is not None:
        await logout.one(before)  # the session that this one takes the place of (ASVS 7.2.4)
    return browser.keep(done)


@router.get("/account/passkeys")
async def list_passkeys(who: CurrentUser, flow: ManagePasskeysFlow) -> PasskeyList:
    """The caller's passkeys."""
    items = [OwnPasskey.of(one) for one in await flow.list(who)]
    return PasskeyList(items=items, total=len(items))


@router.post("/account/passkeys/options")
async def new_passkey_options(who: CurrentUser, flow: ManagePasskeysFlow) -> PasskeyOptions:
    """Options for the browser that makes a passkey."""
    return PasskeyOptions(options=await flow.begin(who))


@router.post("/account/passkeys", status_code=201)
async def add_passkey(
    given: NewPasskey, who: CurrentUser, client: FromClient, flow: ManagePasskeysFlow
) -> PasskeyAdded:
    """Keep the passkey that the browser made. The first factor brings ten recovery codes; other sessions end."""
    added = await flow.add(who, given.passkey.model_dump(), given.name, client)
    return PasskeyAdded(id=added.id, recovery_codes=list(added.recovery_codes))


@router.patch("/account/passkeys/{passkey_id}", status_code=204, response_class=Response)
async def rename_passkey(
    passkey_id: PasskeyId, given: PasskeyName, who: CurrentUser, flow: ManagePasskeysFlow
) -> Response:
    """Call a passkey something else."""
    await flow.rename(who, passkey_id, given.name)
    return Response(status_code=204)


@router.delete("/account/passkeys/{passkey_id}", status_code=204, response_class=Response)
async def remove_passkey(
    passkey_id: PasskeyId, who: CurrentUser, client: FromClient, flow: ManagePasskeysFlow
) -> Response:
    """Forget a passkey; other sessions end."""
    await flow.remove(who, passkey_id, client)
    return Response(status_code=204)
