"""/account/api-keys, and the reports of those that leaked."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Self

from fastapi import APIRouter, Header, Path, Request, Response
from pydantic import BaseModel, Field, StringConstraints

from fastness.accounts.flows.leaked_keys import Signed
from fastness.accounts.wiring import FromClient, LeakedKeysFlow, ManageKeysFlow
from fastness.controls.access import CurrentUser
from fastness.controls.apikeys import ApiKey
from fastness.controls.fields import DisplayName, StrictModel
from fastness.core.declare import public

router = APIRouter(prefix="/account/api-keys", tags=["API keys"])
reports = APIRouter(prefix="/api-keys", tags=["API keys"])

KeyId = Annotated[str, Path(max_length=32, pattern=r"^[A-Za-z0-9_-]+$")]
Scope = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=r"^[\x21\x23-\x5b\x5d-\x7e]+$")]
"""RFC 6749 section 3.3."""


class NewKey(StrictModel):
    """Make an API key. `scopes` are some of the caller's own permissions."""

    name: DisplayName
    scopes: Annotated[list[Scope], Field(default_factory=list[str], max_length=100)]
    days: Annotated[int, Field(ge=1, le=3650)] | None = None


class OwnKey(BaseModel):
    """One API key of the caller. `hint` is how it begins and ends."""

    id: str
    name: str
    hint: str
    scopes: list[str]
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None = Field(description="To the minute or so.")

    @classmethod
    def of(cls, key: ApiKey) -> Self:
        """The view of a key."""
        return cls.model_validate(_public(key))


class FreshKey(OwnKey):
    """A new API key. `key` is shown this once."""

    key: str


class KeyList(BaseModel):
    """The caller's API keys."""

    items: list[OwnKey]
    next: None = None
    total: int


@router.get("")
async def list_keys(who: CurrentUser, flow: ManageKeysFlow) -> KeyList:
    """The caller's API keys, the oldest first."""
    items = [OwnKey.of(key) for key in await flow.list(who)]
    return KeyList(items=items, total=len(items))


@router.post("", status_code=201)
async def make_key(
    given: NewKey, who: CurrentUser, client: FromClient, flow: ManageKeysFlow, response: Response
) -> FreshKey:
    """A new API key, for somebody who signed in, or proved again who they are, a few minutes ago."""
    minted = await flow.make(who, given.name, given.scopes, client, days=given.days)
    response.headers["cache-control"] = "no-store"
    return FreshKey.model_validate({**_public(minted.record), "key": minted.key.get_secret_value()})


@router.delete("/{key_id}", status_code=204, response_class=Response)
async def remove_key(key_id: KeyId, who: CurrentUser, client: FromClient, flow: ManageKeysFlow) -> Response:
    """Take an API key back."""
    await flow.remove(who, key_id, client)
    return Response(status_code=204)


@reports.post("/leaked", status_code=204, response_class=Response)
@public("scanners report what they found, and sign it")
async def leaked(
    *,
    request: Request,
    client: FromClient,
    flow: LeakedKeysFlow,
    mac: Annotated[str, Header(alias="X-Fastness-Signature-256", max_length=128)] = "",
    key: Annotated[str, Header(alias="Github-Public-Key-Identifier", max_length=128)] = "",
    signature: Annotated[str, Header(alias="Github-Public-Key-Signature", max_length=512)] = "",
) -> Response:
    """End keys that were found in the open: `[{"token": ..., "url": ...}]`. The answer says nothing about them."""
    await flow(Signed(await request.body(), mac, key, signature), client)
    return Response(status_code=204)


def _public(key: ApiKey) -> dict[str, object]:
    return {
        "id": key.id,
        "name": key.name,
        "hint": key.hint,
        "scopes": sorted(key.scopes),
        "created_at": datetime.fromtimestamp(key.created_at, UTC),
        "expires_at": _when(key.expires_at),
        "last_used_at": _when(key.last_used_at),
    }


def _when(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
