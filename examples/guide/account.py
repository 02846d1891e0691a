"""`/profile` and `/account`. Controls: bearer, access.

`CurrentUser` is the verified caller, without SQL; `CurrentAccount` asks it and reads the row. The answer is typed, so
that the hash stays inside. Deleting an account wants a sign-in of the last five minutes: a stolen token is not enough.
"""

from __future__ import annotations

from fastapi import APIRouter, Depends
from pydantic import BaseModel

from fastness import require

from .database import Db, User
from .errors import LastAdministrator
from .queries import delete_unless_last_admin
from .wiring import CurrentAccount, TheParts

router = APIRouter(tags=["profile"])


class Profile(BaseModel):
    """What people see of an account."""

    id: str
    email: str
    name: str
    role: str

    @classmethod
    def of(cls, user: User) -> Profile:
        return cls(id=user.id, email=user.email, name=user.name, role=user.role)


@router.get("/profile")
async def profile(user: CurrentAccount) -> Profile:
    """The caller's account."""
    return Profile.of(user)


@router.delete("/account", status_code=204, dependencies=[Depends(require(fresh="5m"))])
async def delete_account(user: CurrentAccount, db: Db, parts: TheParts) -> None:
    """Delete the caller's account and end its tokens."""
    if not await delete_unless_last_admin(db, user.id):
        raise LastAdministrator
    parts.end_tokens(user.id)
