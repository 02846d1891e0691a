"""/account/events, and /admin/events for administrators."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse
from pydantic import AwareDatetime, BaseModel, ConfigDict

from fastness.accounts.api.event_shapes import ManagedEvents, OwnEvents
from fastness.accounts.api.users import Administrator
from fastness.accounts.wiring import HistoryFlow
from fastness.controls.access import CurrentUser
from fastness.controls.fields import PageSize

router = APIRouter(tags=["events"])


class Timeline(BaseModel):
    """Which events. `after` is the `next` of the page before."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    limit: PageSize = 20
    after: Annotated[str | None, Query(min_length=1, max_length=256)] = None


class EveryTimeline(Timeline):
    """Which events of all; `user` is the id of an account."""

    user: Annotated[str | None, Query(max_length=64, pattern=r"^[A-Za-z0-9-]+$")] = None


@router.get("/account/events")
async def list_own_events(who: CurrentUser, asked: Annotated[Timeline, Query()], flow: HistoryFlow) -> OwnEvents:
    """What happened to the caller's account, the newest first."""
    return OwnEvents.of(await flow.own(who, limit=asked.limit, after=asked.after))


@router.get("/admin/events")
async def list_events(_: Administrator, asked: Annotated[EveryTimeline, Query()], flow: HistoryFlow) -> ManagedEvents:
    """Every stored event, the newest first; of one account with `user`."""
    return ManagedEvents.of(await flow.of(asked.user, limit=asked.limit, after=asked.after))


@router.get("/admin/events/export", response_class=StreamingResponse)
async def export_events(
    by: Administrator, flow: HistoryFlow, since: Annotated[AwareDatetime | None, Query()] = None
) -> StreamingResponse:
    """Every stored event as JSON lines, the oldest first; what happened from `since` on."""
    lines = flow.export(by, since=None if since is None else since.timestamp())
    return StreamingResponse(
        lines,
        media_type="application/x-ndjson",
        headers={"Content-Disposition": 'attachment; filename="events.jsonl"', "Cache-Control": "no-store"},
    )
