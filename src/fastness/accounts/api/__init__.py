"""The JSON API: one resource, one file."""

from __future__ import annotations

from fastapi import APIRouter, Depends

from fastness.accounts.api import (
    account,
    api_keys,
    csrf,
    email,
    events,
    factors,
    login,
    logout,
    magic,
    mfa,
    operations,
    own_data,
    passkeys,
    password,
    profile,
    refresh,
    register,
    sessions,
    token,
    username,
    users,
    verify_email,
)
from fastness.accounts.settings import AccountSettings
from fastness.controls.access import PeopleOnly


def routes(prefix: str = "", settings: AccountSettings | None = None, *, keys: bool = True) -> APIRouter:
    """Every route of accounts that is on, for one application; `keys` says whether it reads our API keys.

    What the world looks for at the root stays there (RFC 8615).
    """
    chosen = settings or AccountSettings()
    every = APIRouter()
    for resource in (
        register, verify_email, login, mfa, token, refresh, csrf, logout, password, profile, email, sessions, factors, passkeys, account,
        users, events, operations,
    ):  # fmt: skip
        every.include_router(resource.router, prefix=prefix, dependencies=[Depends(PeopleOnly())])
    optional = (
        (api_keys.router, keys),
        (api_keys.reports, keys and chosen.leaks.wanted),
        (own_data.router, True),
        (own_data.restoring, chosen.deletion_days > 0),
        (magic.router, chosen.magic),
        (username.router, "username" in chosen.login_by),
        (magic.confirm, chosen.new_device_confirmation),
    )
    for router, wanted in optional:
        if wanted:
            every.include_router(router, prefix=prefix, dependencies=[Depends(PeopleOnly())])
    every.include_router(operations.well_known)
    return every
