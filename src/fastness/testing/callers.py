"""Who calls: by an override, by a token, or by a session that is really there."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from fastapi import FastAPI

from fastness.controls.access import current_user
from fastness.core.principal import Principal

if TYPE_CHECKING:
    from fastness.accounts.service import Service
    from fastness.chain import Secured

_ADDRESS = "192.0.2.1"  # RFC 5737: nobody's


@contextlib.contextmanager
def signed_in_as(
    app: FastAPI, who: str | Principal, *, roles: Iterable[str] = (), permissions: Iterable[str] = ()
) -> Iterator[Principal]:
    """Let every request in this block be from `who`, without a token.

    It overrides the one dependency that `CurrentUser`, `OptionalUser`, `require` and `accounts.user()` share. The chain
    sees an anonymous request: limits by user and the check of tokens are not part of such a test; take `bearer` there.
    """
    principal = who
    if not isinstance(principal, Principal):
        principal = Principal(
            id=str(who), roles=frozenset(roles), permissions=frozenset(permissions), authenticated_at=time.time()
        )
    before = app.dependency_overrides.get(current_user)
    app.dependency_overrides[current_user] = lambda: principal
    try:
        yield principal
    finally:
        if before is None:
            app.dependency_overrides.pop(current_user, None)
        else:
            app.dependency_overrides[current_user] = before


def bearer(
    app: FastAPI,
    who: str,
    *,
    roles: Iterable[str] = (),
    permissions: Iterable[str] = (),
    methods: Sequence[str] = ("pwd",),
) -> dict[str, str]:
    """The Authorization header of a real access token of this application, as if `who` had just signed in.

    No session stands behind it: with accounts, `sign_in` makes one that can be refreshed, listed and ended.

    Raises:
        RuntimeError: the application issues no tokens.
    """
    secured: Secured | None = getattr(app.state, "fastness", None)
    if secured is None or secured.tokens is None:
        raise RuntimeError("this application issues no tokens: call secure(app), with a secret")
    token = secured.tokens.issue(
        str(who), roles=roles, permissions=permissions, methods=methods, authenticated_at=time.time()
    )
    return {"Authorization": f"Bearer {token}"}


async def sign_in(app: FastAPI, who: str) -> dict[str, str]:
    """The Authorization header of a new session of this account: real in the database, without password and hash.

    `who` is the id or the e-mail address. Role and permissions are the account's. The application must be running.

    Raises:
        LookupError: there is no such account, or it is suspended.
        RuntimeError: the application has no accounts.
    """
    service: Service | None = getattr(app.state, "fastness_accounts", None)
    if service is None:
        raise RuntimeError("this application has no accounts: call accounts.install(app)")
    login = service.flows.login
    now, settings = login.now(), login.settings
    async with login.db.read() as work:
        account = await work.users.by_id(str(who)) or await work.users.by_email(str(who))
    if account is None:
        raise LookupError("there is no such account")
    async with login.db.write() as work:
        opened = await work.sessions.open(
            account.id,
            held=await work.users.hold(account.id),
            now=now,
            idle=settings.session_idle,
            absolute=settings.session_absolute,
            cap=settings.sessions_per_user,
            address=_ADDRESS,
            agent="fastness.testing",
        )
    if opened is None:
        raise LookupError("the account is suspended")
    life = login.issue.life(now=now, ends=now + settings.session_absolute)
    token = login.issue.access_token(account, opened.session_id, authenticated_at=now, methods=("pwd",), life=life)
    return {"Authorization": f"Bearer {token}"}
