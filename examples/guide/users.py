"""Role-based authorization and query parameters. Controls: access, fields.

`require(role=...)` answers 401 to strangers and 403 to other roles, with the challenge that RFC 6750 wants. Page, size
and search have upper bounds, and a parameter that is unknown or sent twice is refused.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel

from fastness import require
from fastness.controls.fields import Paging

from .account import Profile
from .database import Db, User
from .errors import LastAdministrator, NoSuchUser
from .queries import ADMINISTRATORS, count, delete_unless_last_admin, page
from .wiring import CurrentAccount, TheParts

# For every route of this router, those that are added later too.
router = APIRouter(prefix="/users", tags=["users"], dependencies=[Depends(require(role=ADMINISTRATORS))])

UserId = Annotated[str, Path(max_length=36, pattern=r"^[0-9a-f-]+$")]


class Listing(Paging):
    """`page`, `limit` and `search`, and the order: `name` or `-name`, `email` or `-email`."""

    sort: Annotated[str, Query(max_length=20)] = "email"


class People(BaseModel):
    items: list[Profile]
    total: int


@router.get("")
async def list_users(_: CurrentAccount, given: Annotated[Listing, Query()], db: Db) -> People:
    """Accounts whose address begins with `search`, or whose name holds it."""
    found = await page(db, search=given.search, sort=given.sort, limit=given.limit, offset=given.offset)
    return People(items=[Profile.of(user) for user in found], total=await count(db, given.search))


@router.delete("/{user_id}", status_code=204)
async def delete_user(_: CurrentAccount, user_id: UserId, db: Db, parts: TheParts) -> None:
    """Delete an account and end its tokens; the last administrator stays."""
    if await db.get(User, user_id) is None:
        raise NoSuchUser
    if not await delete_unless_last_admin(db, user_id):
        raise LastAdministrator
    parts.end_tokens(user_id)
