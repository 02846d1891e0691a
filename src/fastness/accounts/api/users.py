"""/users, for administrators."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Response

from fastness.accounts.api.shapes import Change, ManagedPerson, People
from fastness.accounts.settings import ADMINISTRATORS
from fastness.accounts.wiring import ManageUsersFlow
from fastness.controls.access import require
from fastness.controls.fields import Paging
from fastness.core.principal import Principal

router = APIRouter(prefix="/users", tags=["users"])

Administrator = Annotated[Principal, Depends(require(role=ADMINISTRATORS))]
UserId = Annotated[str, Path(max_length=64, pattern=r"^[A-Za-z0-9-]+$")]


class Listing(Paging):
    """Which page of users. `after` is the `next` of the page before, and wins over `page`."""

    after: Annotated[str | None, Query(min_length=1, max_length=1024)] = None


@router.get("")
async def list_users(_: Administrator, paging: Annotated[Listing, Query()], flow: ManageUsersFlow) -> People:
    """Accounts by address; `search` is a prefix of the address or name."""
    page = await flow.page(limit=paging.limit, page=paging.page, after=paging.after, search=paging.search)
    return People.of(page)


@router.get("/{user_id}")
async def get_user(_: Administrator, user_id: UserId, flow: ManageUsersFlow) -> ManagedPerson:
    """One account."""
    return ManagedPerson.of(await flow.get(user_id))


@router.patch("/{user_id}")
async def change_user(by: Administrator, user_id: UserId, given: Change, flow: ManageUsersFlow) -> ManagedPerson:
    """Change name or role. Tokens that carry the former role end at once."""
    return ManagedPerson.of(await flow.change(by, user_id, name=given.name, role=given.role))


@router.delete("/{user_id}", status_code=204, response_class=Response)
async def delete_user(by: Administrator, user_id: UserId, flow: ManageUsersFlow) -> Response:
    """Delete an account; the last administrator stays."""
    await flow.delete(by, user_id)
    return Response(status_code=204)


@router.post("/{user_id}/sessions/revoke", status_code=204, response_class=Response)
async def end_sessions(by: Administrator, user_id: UserId, flow: ManageUsersFlow) -> Response:
    """Sign an account out everywhere."""
    await flow.end_sessions(by, user_id)
    return Response(status_code=204)


@router.post("/{user_id}/factors/reset", status_code=204, response_class=Response)
async def reset_factors(by: Administrator, user_id: UserId, flow: ManageUsersFlow) -> Response:
    """Take an account's second factors away, for somebody who lost theirs. Its sessions end."""
    await flow.reset_factors(by, user_id)
    return Response(status_code=204)


@router.post("/{user_id}/password/force-reset", status_code=204, response_class=Response)
async def force_reset(by: Administrator, user_id: UserId, flow: ManageUsersFlow) -> Response:
    """Let an account's password work no more; its owner gets a mail and chooses another."""
    await flow.force_reset(by, user_id)
    return Response(status_code=204)


@router.post("/{user_id}/suspend")
async def suspend_user(by: Administrator, user_id: UserId, flow: ManageUsersFlow) -> ManagedPerson:
    """End an account's sessions and let it sign in no more."""
    return ManagedPerson.of(await flow.suspend(by, user_id))


@router.post("/{user_id}/unsuspend")
async def unsuspend_user(by: Administrator, user_id: UserId, flow: ManageUsersFlow) -> ManagedPerson:
    """Let an account sign in again."""
    return ManagedPerson.of(await flow.unsuspend(by, user_id))
