"""POST /account/username."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel

from fastness.accounts.wiring import ChooseUsernameFlow, FromClient
from fastness.controls.access import CurrentUser
from fastness.controls.fields import StrictModel
from fastness.controls.fields import Username as UsernameText

router = APIRouter(prefix="/account/username", tags=["profile"])


class NewUsername(StrictModel):
    """Choose a user name."""

    username: UsernameText


class Chosen(BaseModel):
    """The name as it is kept and shown."""

    username: str


@router.post("")
async def choose_username(given: NewUsername, who: CurrentUser, client: FromClient, flow: ChooseUsernameFlow) -> Chosen:
    """Choose a user name to sign in with, in the place of the one there is."""
    return Chosen(username=await flow(who, given.username, client))
