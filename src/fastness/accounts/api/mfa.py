"""POST /auth/mfa and /auth/reauthenticate."""

from __future__ import annotations

from fastapi import APIRouter

from fastness.accounts.api.factor_shapes import FreshAnswer, MfaAnswerGiven, MfaEnrolment, ProofAgain, TotpAnswer
from fastness.accounts.api.passkey_shapes import PasskeyOptions
from fastness.accounts.api.session_cookie import Mode, TheBrowser
from fastness.accounts.api.shapes import BrowserAnswer, LoginAnswer
from fastness.accounts.flows.refusals import InvalidRefreshToken
from fastness.accounts.wiring import BrowserSessionFlow, FromClient, LogoutFlow, ReauthenticateFlow, SecondFactorFlow
from fastness.controls.access import CurrentUser
from fastness.core.declare import opens_session, public

router = APIRouter(prefix="/auth", tags=["sign-in"])


@router.post("/mfa")
@public("whoever gave the right password proves the second factor")
@opens_session(mode="cookie")
async def second_factor(
    *,
    given: MfaAnswerGiven,
    client: FromClient,
    flow: SecondFactorFlow,
    logout: LogoutFlow,
    browser: TheBrowser,
    mode: Mode = "token",
) -> LoginAnswer | BrowserAnswer:
    """Finish a sign-in that asked for a second factor. `mode` is that of the sign-in."""
    proof = given.given()
    if mode == "token":
        device, trust = given.device_token, given.remember_device
        return LoginAnswer.of(await flow.for_client(given.mfa_token, proof, client, device_token=device, trust=trust))
    browser.available()
    known, before = given.device_token or browser.device_token, browser.signed_in
    done = await flow.for_browser(given.mfa_token, proof, client, device_token=known, trust=given.remember_device)
    if before is not None:
        await logout.one(before)  # the session that this one takes the place of (ASVS 7.2.4)
    return browser.keep(done)


@router.post("/mfa/enrol", status_code=201)
@public("whoever gave the right password and must have a factor gets one")
async def enrol(given: MfaEnrolment, client: FromClient, flow: SecondFactorFlow, mode: Mode = "token") -> TotpAnswer:
    """A secret for an authenticator app, where the sign-in asks for a factor and there is none yet."""
    made = await flow.enrol(given.mfa_token, client, form="cookie" if mode == "cookie" else "refresh")
    return TotpAnswer(id=made.id, secret=made.secret, uri=made.uri, qr_svg=made.qr_svg)


@router.post("/reauthenticate/options")
async def reauthenticate_options(who: CurrentUser, flow: ReauthenticateFlow) -> PasskeyOptions:
    """Options for the browser, to prove again with a passkey."""
    return PasskeyOptions(options=await flow.passkey_options(who))


@router.post("/reauthenticate")
async def reauthenticate(
    *,
    given: ProofAgain,
    who: CurrentUser,
    client: FromClient,
    flow: ReauthenticateFlow,
    sessions: BrowserSessionFlow,
    browser: TheBrowser,
) -> FreshAnswer | BrowserAnswer:
    """Prove again who you are, for what needs a fresh sign-in. A browser gets another cookie."""
    proof = None if given.password is not None else given.given()
    fresh = await flow(who, client, password=given.password, given=proof)
    if who.scheme != "cookie":
        return FreshAnswer(access_token=fresh.access_token, expires_in=fresh.expires_in)
    presented = browser.presented()
    if presented is None:
        raise InvalidRefreshToken("no cookie")
    # Workers remember what a cookie said before; the next one they read anew (ASVS 7.2.4).
    return browser.keep(await sessions.renew(presented, client))
