"""The JSON API: one resource, one file."""

from __future__ import annotations

from fastapi import APIRouter

from fastness.accounts.api import (
    account,
    csrf,
    email,
    events,
    factors,
    login,
    logout,
    mfa,
    operations,
    passkeys,
    password,
    profile,
    refresh,
    register,
    sessions,
    token,
    users,
    verify_email,
)


def routes(prefix: str = "") -> APIRouter:
    """Every route of accounts, for one application. What the world looks for at the root stays there (RFC 8615)."""
    every = APIRouter()
    for resource in (
        register, verify_email, login, mfa, token, refresh, csrf, logout, password, profile, email, sessions, factors, passkeys, account,
        users, events, operations,
    ):  # fmt: skip
        every.include_router(resource.router, prefix=prefix)
    every.include_router(operations.well_known)
    return every
