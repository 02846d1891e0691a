"""Authentication with OAuth2 and JWT. Controls: passwords, tokens, limits.

Passwords are argon2id; a bcrypt hash of an older system is verified and replaced here. Tokens live ten minutes and name
issuer, audience, session and themselves. `POST /auth/token` is for Swagger's Authorize button: the same sign-in, as the
form that OAuth2 wants, counted together with the other one.
"""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Form
from pydantic import BaseModel, SecretStr

from fastness import limit, public
from fastness.controls.fields import Email, NewPassword, StrictModel, canonical_email
from fastness.core.clock import wall
from fastness.core.events import Event, EventType, Level

from .errors import BadCredentials
from .queries import by_canonical
from .wiring import Parts, TheParts

router = APIRouter(prefix="/auth", tags=["sign-in"])

# `name` makes one count of the two routes; `hidden` tells a guesser nothing about it.
FIVE_A_MINUTE = Depends(limit("5/minute", by="address", name="login", hidden=True))


class Credentials(StrictModel):
    email: Email
    password: NewPassword


class PasswordGrant(BaseModel):
    """RFC 6749 section 4.3.2. Unknown fields of a form are ignored, as section 3.2 says."""

    grant_type: Literal["password"]
    username: Email
    password: NewPassword


class AccessToken(BaseModel):
    access_token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 - the name of the scheme
    expires_in: int


@router.post("/login", dependencies=[FIVE_A_MINUTE])
@public("this is how people prove who they are")
async def login(given: Credentials, parts: TheParts) -> AccessToken:
    """Exchange e-mail and password for an access token."""
    return await _sign_in(parts, given.email, given.password)


@router.post("/token", dependencies=[FIVE_A_MINUTE])
@public("this is how OAuth2 clients prove who they are")
async def token(given: Annotated[PasswordGrant, Form()], parts: TheParts) -> AccessToken:
    """The same as a form, for OAuth2 clients."""
    return await _sign_in(parts, given.username, given.password)


async def _sign_in(parts: Parts, email: str, password: SecretStr) -> AccessToken:
    canonical = canonical_email(email)
    parts.attempts.count(canonical)
    async with parts.sessions() as db:
        user = await by_canonical(db, canonical)
    # None costs the same as a wrong password: nobody learns which addresses have an account.
    match = await parts.passwords.check(password, user.password_hash if user is not None else None)
    if user is None or not match:
        parts.secured.emit(Event(EventType.AUTHN_LOGIN_FAIL, who=user.id if user else None, level=Level.WARN))
        raise BadCredentials
    parts.attempts.forgive(canonical)
    if match.new_hash is not None:
        async with parts.sessions.begin() as db:
            (await db.merge(user)).password_hash = match.new_hash
    issued = parts.tokens.issue(user.id, roles=[user.role], authenticated_at=wall(), methods=["pwd"])
    return AccessToken(access_token=issued, expires_in=parts.tokens.settings.lifetime)
