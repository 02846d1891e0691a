"""Pydantic input validation. Controls: fields, passwords.

The model is strict: `role` is not a field, so sending one is refused, and nobody makes himself an editor. The password
needs length and must not be guessable; capitals and digits are not asked for (ASVS 6.2.5). It is a secret from the
first moment: it shows in no repr, log or error.
"""

from __future__ import annotations

from fastapi import APIRouter, Depends
from pydantic import BaseModel
from sqlalchemy.exc import IntegrityError

from fastness import limit, public
from fastness.controls.fields import DisplayName, Email, NewPassword, StrictModel, canonical_email

from .database import User
from .wiring import TheParts

router = APIRouter(prefix="/auth", tags=["sign-up"])


class Registration(StrictModel):
    email: Email
    password: NewPassword
    name: DisplayName


class Registered(BaseModel):
    detail: str = "Sign in with your address and password."


@router.post("/register", status_code=202, dependencies=[Depends(limit("10/hour", by="address"))])
@public("this is how people get an account")
async def register(given: Registration, parts: TheParts) -> Registered:
    """Make an account. The answer is the same when the address has one already.

    The account service also sends a mail to prove the address.
    """
    parts.policy.refuse_weak(given.password, context=[given.email, given.name])
    password_hash = await parts.passwords.hash(given.password)
    user = User(email=given.email, canonical=canonical_email(given.email), name=given.name, password_hash=password_hash)
    try:
        async with parts.sessions.begin() as db:
            db.add(user)
    except IntegrityError:  # the unique address decides, also between two requests at once
        pass
    return Registered()
