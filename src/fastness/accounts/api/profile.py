"""GET and PATCH /profile."""

from __future__ import annotations

from fastapi import APIRouter

from fastness.accounts.api.shapes import Own, Rename
from fastness.accounts.wiring import ProfileFlow
from fastness.controls.access import CurrentUser

router = APIRouter(tags=["profile"])


@router.get("/profile")
async def show_profile(who: CurrentUser, flow: ProfileFlow) -> Own:
    """The caller's account."""
    return Own.of_profile(*await flow.show(who))


@router.patch("/profile")
async def change_profile(given: Rename, who: CurrentUser, flow: ProfileFlow) -> Own:
    """Change the caller's name."""
    return Own.of_profile(*await flow.rename(who, given.name))
