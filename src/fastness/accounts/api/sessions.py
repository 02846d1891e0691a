"""/account/sessions and /account/devices."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Response

from fastness.accounts.api.session_shapes import DeviceList, SessionList
from fastness.accounts.wiring import ManageSessionsFlow
from fastness.controls.access import CurrentUser

router = APIRouter(prefix="/account", tags=["sessions"])

SessionId = Annotated[str, Path(max_length=32, pattern=r"^[A-Za-z0-9_-]+$")]
DeviceId = Annotated[str, Path(max_length=64, pattern=r"^[A-Za-z0-9_-]+$")]


@router.get("/sessions")
async def list_sessions(who: CurrentUser, flow: ManageSessionsFlow) -> SessionList:
    """Where the caller is signed in, last used first."""
    return SessionList.of(await flow.list(who), current=who.session)


@router.delete("/sessions", status_code=204, response_class=Response)
async def end_other_sessions(who: CurrentUser, flow: ManageSessionsFlow) -> Response:
    """End every session of the caller but this one; `/auth/logout-all` ends this one too."""
    await flow.end_others(who)
    return Response(status_code=204)


@router.delete("/sessions/{session_id}", status_code=204, response_class=Response)
async def end_session(who: CurrentUser, session_id: SessionId, flow: ManageSessionsFlow) -> Response:
    """End one session of the caller."""
    await flow.end(who, session_id)
    return Response(status_code=204)


@router.get("/devices")
async def list_devices(who: CurrentUser, flow: ManageSessionsFlow) -> DeviceList:
    """The devices that the caller signed in from, the newest first."""
    return DeviceList.of(await flow.devices(who))


@router.delete("/devices", status_code=204, response_class=Response)
async def forget_devices(who: CurrentUser, flow: ManageSessionsFlow) -> Response:
    """Make every device unknown again; sessions stay."""
    await flow.forget_devices(who)
    return Response(status_code=204)


@router.delete("/devices/{device_id}", status_code=204, response_class=Response)
async def forget_device(who: CurrentUser, device_id: DeviceId, flow: ManageSessionsFlow) -> Response:
    """Make one device unknown again."""
    await flow.forget_device(who, device_id)
    return Response(status_code=204)
