"""POST /auth/refresh."""

from __future__ import annotations

from fastapi import APIRouter

from fastness.accounts.api.session_cookie import Mode, TheBrowser
from fastness.accounts.api.shapes import BrowserAnswer, Renewal, TokenAnswer
from fastness.accounts.flows.refusals import InvalidRefreshToken
from fastness.accounts.wiring import BrowserSessionFlow, FromClient, RefreshFlow
from fastness.core.declare import opens_session, public

router = APIRouter(prefix="/auth", tags=["sign-in"])


@router.post("/refresh")
@public("the refresh token in the body, or the session cookie, is the proof")
@opens_session(mode="cookie")
async def refresh(
    *,
    client: FromClient,
    flow: RefreshFlow,
    sessions: BrowserSessionFlow,
    browser: TheBrowser,
    given: Renewal | None = None,
    mode: Mode = "token",
) -> TokenAnswer | BrowserAnswer:
    """Exchange a refresh token for its successor and a new access token, or a session cookie for a new one."""
    presented = browser.presented() if mode == "cookie" else given.refresh_token if given is not None else None
    if presented is None:
        raise InvalidRefreshToken("none was sent")
    if mode == "cookie":
        return browser.keep(await sessions.renew(presented, client))
    return TokenAnswer.of(await flow(presented, client))
