"""POST /auth/login."""

from __future__ import annotations

from fastapi import APIRouter

from fastness.accounts.api.factor_shapes import MfaChallenge
from fastness.accounts.api.session_cookie import Mode, TheBrowser
from fastness.accounts.api.shapes import BrowserAnswer, Credentials, LoginAnswer
from fastness.accounts.flows.login import SecondFactorNeeded
from fastness.accounts.wiring import FromClient, LoginFlow, LogoutFlow
from fastness.core.declare import opens_session, public

router = APIRouter(prefix="/auth", tags=["sign-in"])


@router.post("/login")
@public("this is how people prove who they are")
@opens_session(mode="cookie")
async def login(
    *,
    given: Credentials,
    client: FromClient,
    flow: LoginFlow,
    logout: LogoutFlow,
    browser: TheBrowser,
    mode: Mode = "token",
) -> LoginAnswer | BrowserAnswer | MfaChallenge:
    """Exchange e-mail or user name and password for the tokens of a new session, for its cookie, or for the next step."""
    if mode == "token":
        tokens = await flow.with_password(given.name, given.password, client, device_token=given.device_token)
        return MfaChallenge.of(tokens) if isinstance(tokens, SecondFactorNeeded) else LoginAnswer.of(tokens)
    browser.available()
    known, before = given.device_token or browser.device_token, browser.signed_in
    done = await flow.for_browser(given.name, given.password, client, device_token=known)
    if isinstance(done, SecondFactorNeeded):
        return MfaChallenge.of(done)
    if before is not None:
        await logout.one(before)  # the session that this one takes the place of (ASVS 7.2.4)
    return browser.keep(done)
