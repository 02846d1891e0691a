"""GET /auth/csrf."""

from __future__ import annotations

from fastapi import APIRouter

from fastness.accounts.api.shapes import CsrfAnswer
from fastness.controls.access import CurrentUser
from fastness.controls.csrf import CsrfToken

router = APIRouter(prefix="/auth", tags=["sign-in"])


@router.get("/csrf")
async def csrf(_: CurrentUser, token: CsrfToken) -> CsrfAnswer:
    """A CSRF token for the caller's cookie session, for a page that was loaded anew."""
    return CsrfAnswer(csrf_token=token)
