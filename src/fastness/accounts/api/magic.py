"""POST /auth/magic and /auth/magic/redeem; POST /auth/login/confirm."""

from __future__ import annotations

from fastapi import APIRouter, Response

from fastness.accounts.api.factor_shapes import MfaChallenge
from fastness.accounts.api.flow_cookie import FlowCookie, remember
from fastness.accounts.api.session_cookie import Mode, TheBrowser
from fastness.accounts.api.shapes import BrowserAnswer, Digits, Forgotten, LoginAnswer, Opaque, Proof, Started
from fastness.accounts.flows.login import SecondFactorNeeded
from fastness.accounts.flows.magic import Mailed
from fastness.accounts.flows.refusals import InvalidCode
from fastness.accounts.wiring import ConfirmDeviceFlow, FromClient, LogoutFlow, MagicFlow
from fastness.controls.fields import StrictModel
from fastness.core.declare import opens_session, public

router = APIRouter(prefix="/auth/magic", tags=["sign-in"])
confirm = APIRouter(prefix="/auth/login", tags=["sign-in"])


class MagicProof(Proof):
    """The token of the link or the typed code, with its flow, which may come in the cookie instead."""

    device_token: Opaque | None = None


class DeviceConfirmation(StrictModel):
    """The mailed code, with the challenge of the sign-in that it was mailed for."""

    mfa_token: Opaque
    code: Digits


@router.post("", status_code=202)
@public("people who sign in by mail ask for a code")
async def ask(
    given: Forgotten, client: FromClient, flow: MagicFlow, browser: TheBrowser, response: Response
) -> Started:
    """Ask for a code that signs in. The answer is the same for every address."""
    known = given.device_token or browser.device_token
    started = await flow.ask(given.email, client, device_token=known)
    remember(response, started, seconds=flow.settings.code_seconds)
    return Started(flow=started)


@router.post("/redeem")
@public("whoever holds a mailed code proves with it who they are")
@opens_session(mode="cookie")
async def redeem(
    *,
    given: MagicProof,
    client: FromClient,
    flow: MagicFlow,
    logout: LogoutFlow,
    browser: TheBrowser,
    mode: Mode = "token",
    cookie: FlowCookie,
) -> LoginAnswer | BrowserAnswer | MfaChallenge:
    """Exchange the mailed code for the tokens of a new session, for its cookie, or for the next step."""
    asked = given.flow or cookie
    if asked is None:
        raise InvalidCode("no flow")
    mailed = Mailed(asked, given.token, given.code)
    if mode == "token":
        tokens = await flow.for_client(mailed, client, device_token=given.device_token)
        return MfaChallenge.of(tokens) if isinstance(tokens, SecondFactorNeeded) else LoginAnswer.of(tokens)
    browser.available()
    known, before = given.device_token or browser.device_token, browser.signed_in
    done = await flow.for_browser(mailed, client, device_token=known)
    if isinstance(done, SecondFactorNeeded):
        return MfaChallenge.of(done)
    if before is not None:
        await logout.one(before)  # the session that this one takes the place of (ASVS 7.2.4)
    return browser.keep(done)


@confirm.post("/confirm")
@public("whoever gave the right password on a new device proves that the mailbox is theirs")
@opens_session(mode="cookie")
async def confirm_device(
    *,
    given: DeviceConfirmation,
    client: FromClient,
    flow: ConfirmDeviceFlow,
    logout: LogoutFlow,
    browser: TheBrowser,
    mode: Mode = "token",
) -> LoginAnswer | BrowserAnswer:
    """Finish a sign-in from a new device with the mailed code. `mode` is that of the sign-in."""
    if mode == "token":
        return LoginAnswer.of(await flow.for_client(given.mfa_token, given.code, client))
    browser.available()
    before = browser.signed_in
    done = await flow.for_browser(given.mfa_token, given.code, client)
    if before is not None:
        await logout.one(before)  # the session that this one takes the place of (ASVS 7.2.4)
    return browser.keep(done)
