"""/account/factors and /account/recovery-codes."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Response

from fastness.accounts.api.factor_shapes import FactorConfirmation, FactorList, NewTotp, RecoveryCodeList, TotpAnswer
from fastness.accounts.wiring import FromClient, ManageFactorsFlow
from fastness.controls.access import CurrentUser

router = APIRouter(prefix="/account", tags=["second factor"])

FactorId = Annotated[str, Path(max_length=32, pattern=r"^[A-Za-z0-9_-]+$")]


@router.get("/factors")
async def list_factors(who: CurrentUser, flow: ManageFactorsFlow) -> FactorList:
    """The caller's second factors, and how many recovery codes are left."""
    return FactorList.of(await flow.list(who))


@router.post("/factors/totp", status_code=201)
async def add_totp(given: NewTotp, who: CurrentUser, flow: ManageFactorsFlow) -> TotpAnswer:
    """A new secret for an authenticator app. It counts once a code of it was confirmed."""
    made = await flow.begin_totp(who, given.name)
    return TotpAnswer(id=made.id, secret=made.secret, uri=made.uri, qr_svg=made.qr_svg)


@router.post("/factors/{factor_id}/confirm")
async def confirm_factor(
    factor_id: FactorId, given: FactorConfirmation, who: CurrentUser, client: FromClient, flow: ManageFactorsFlow
) -> RecoveryCodeList:
    """Let the factor count, with its first code. The first factor brings ten recovery codes; other sessions end."""
    return RecoveryCodeList(recovery_codes=list(await flow.confirm(who, factor_id, given.code, client)))


@router.delete("/factors/{factor_id}", status_code=204, response_class=Response)
async def remove_factor(factor_id: FactorId, who: CurrentUser, client: FromClient, flow: ManageFactorsFlow) -> Response:
    """Forget a factor; other sessions end."""
    await flow.remove(who, factor_id, client)
    return Response(status_code=204)


@router.post("/recovery-codes", status_code=201)
async def new_recovery_codes(who: CurrentUser, client: FromClient, flow: ManageFactorsFlow) -> RecoveryCodeList:
    """Ten new recovery codes in the place of what is left."""
    return RecoveryCodeList(recovery_codes=list(await flow.new_recovery_codes(who, client)))
