"""GET /account/export; POST /auth/restore and /auth/restore/redeem."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal, Self

from fastapi import APIRouter, Response
from pydantic import BaseModel

from fastness.accounts.api.api_keys import OwnKey
from fastness.accounts.api.event_shapes import OwnEvents
from fastness.accounts.api.factor_shapes import FactorList, OwnFactor
from fastness.accounts.api.flow_cookie import FlowCookie, remember
from fastness.accounts.api.session_cookie import TheBrowser
from fastness.accounts.api.session_shapes import DeviceList, OwnDevice, OwnSession, SessionList
from fastness.accounts.api.shapes import Forgotten, Own, Proof, Started
from fastness.accounts.flows.export_data import OwnData
from fastness.accounts.flows.magic import Mailed
from fastness.accounts.flows.manage_factors import Held
from fastness.accounts.flows.refusals import InvalidCode
from fastness.accounts.wiring import ExportDataFlow, FromClient, RestoreAccountFlow
from fastness.controls.access import CurrentUser
from fastness.core.declare import public

router = APIRouter(prefix="/account/export", tags=["profile"])
restoring = APIRouter(prefix="/auth/restore", tags=["sign-in"])


class Exported(BaseModel):
    """Everything that accounts hold about the caller. Of very many events the newest; `next` goes on at `/account/events`."""

    exported_at: datetime
    account: Own
    sessions: list[OwnSession]
    devices: list[OwnDevice]
    factors: list[OwnFactor]
    recovery_codes_left: int
    api_keys: list[OwnKey]
    events: OwnEvents

    @classmethod
    def of(cls, data: OwnData, *, current: str | None) -> Self:
        """The view of somebody's data."""
        return cls(
            exported_at=datetime.fromtimestamp(data.at, UTC),
            account=Own.of_profile(data.account, data.username),
            sessions=SessionList.of(data.sessions, current=current).items,
            devices=DeviceList.of(data.devices).items,
            factors=FactorList.of(Held(data.factors, data.recovery_codes)).items,
            recovery_codes_left=data.recovery_codes,
            api_keys=[OwnKey.of(key) for key in data.api_keys],
            events=OwnEvents.of(data.events),
        )


class Reopened(BaseModel):
    """Nothing is deleted; sign in as ever. `device_token` makes this device known at the next sign-in."""

    restored: Literal[True] = True
    device_token: str


@router.get("")
async def export(who: CurrentUser, client: FromClient, flow: ExportDataFlow, response: Response) -> Exported:
    """The caller's own data, for somebody who signed in, or proved again who they are, a few minutes ago."""
    response.headers["content-disposition"] = 'attachment; filename="account.json"'
    response.headers["cache-control"] = "no-store"
    return Exported.of(await flow(who, client), current=who.session)


@restoring.post("", status_code=202)
@public("people who regret a deletion ask for a code")
async def ask(
    given: Forgotten, client: FromClient, flow: RestoreAccountFlow, browser: TheBrowser, response: Response
) -> Started:
    """Ask for a code that takes a deletion back. The answer is the same for every address."""
    known = given.device_token or browser.device_token
    started = await flow.ask(given.email, client, device_token=known)
    remember(response, started, seconds=flow.settings.code_seconds)
    return Started(flow=started)


@restoring.post("/redeem")
@public("whoever holds a mailed code takes a deletion back with it")
async def redeem(given: Proof, client: FromClient, flow: RestoreAccountFlow, cookie: FlowCookie) -> Reopened:
    """Take a deletion back, with the link's token or the typed code, and its flow."""
    asked = given.flow or cookie
    if asked is None:
        raise InvalidCode("no flow")
    done = await flow.redeem(Mailed(asked, given.token, given.code), client)
    return Reopened(device_token=done.device_token)
