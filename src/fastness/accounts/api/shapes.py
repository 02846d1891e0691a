"""The JSON that goes in and out. No answer has a field for a hash, and no request one for a role, but for administrators'."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal, Self

from pydantic import BaseModel, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from fastness.accounts.flows.issue import SignedIn
from fastness.accounts.models import Account, AccountPage
from fastness.controls.fields import DisplayName, Email, StrictModel, Username
from fastness.controls.fields import NewPassword as NewPasswordText

Opaque = Annotated[str, StringConstraints(min_length=1, max_length=256, pattern=r"^[A-Za-z0-9_.~-]+$")]
"""A token made by this service: URL-safe, bounded, never looked into."""
Digits = Annotated[str, StringConstraints(min_length=4, max_length=12, pattern=r"^[0-9]+$")]
Role = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[a-z][a-z0-9_-]*$")]


class Registration(StrictModel):
    """Ask for an account."""

    email: Email
    password: NewPasswordText
    name: DisplayName
    username: Username | None = None


class Resend(StrictModel):
    """Ask for another code. The flow id of the answer before, and the device token, may come in cookies instead."""

    email: Email
    flow: Opaque | None = None
    device_token: Opaque | None = None


class Started(BaseModel):
    """The code in the mail works together with this flow id only."""

    flow: str


class Proof(StrictModel):
    """Either the token of the mailed link, or the typed code; its flow id may come in the cookie instead."""

    token: Opaque | None = None
    code: Digits | None = None
    flow: Opaque | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if (self.token is None) == (self.code is None):
            raise PydanticCustomError("fastness_proof", "Give either token or code")
        return self


class Forgotten(StrictModel):
    """Ask for a code. `device_token` is what an earlier answer gave this device; it may come in its cookie instead."""

    email: Email
    device_token: Opaque | None = None


class ResetRequest(Proof):
    """The new password, with the token of the mailed link, or with the typed code and its flow."""

    password: NewPasswordText


class ResetAnswer(BaseModel):
    """The new password counts; sign in with it. `device_token` makes this device known at the next sign-in."""

    reset: Literal[True] = True
    device_token: str


class NewPassword(StrictModel):
    """Change the password: the current one and the new one."""

    password: NewPasswordText
    new_password: NewPasswordText


class NewEmail(StrictModel):
    """Ask for another address, with the password as proof."""

    email: Email
    password: NewPasswordText


class Proved(BaseModel):
    """The address is confirmed; `device_token` makes this device known at the next sign-in."""

    verified: Literal[True] = True
    device_token: str


class Credentials(StrictModel):
    """Sign in, with the address or, where people have one, the user name. `device_token` is what an earlier answer gave."""

    email: Email | None = None
    username: Username | None = None
    password: NewPasswordText
    device_token: Opaque | None = None

    @model_validator(mode="after")
    def _one_name(self) -> Self:
        if (self.email is None) == (self.username is None):
            raise PydanticCustomError("fastness_credentials", "Give either email or username")
        return self

    @property
    def name(self) -> str:
        """The address or the user name, which has no at sign."""
        return self.email or self.username or ""


class Renewal(StrictModel):
    """Exchange a refresh token."""

    refresh_token: Opaque


class TokenAnswer(BaseModel):
    """Tokens of a session (RFC 6749 section 5.1)."""

    access_token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 - the name of the scheme
    expires_in: int
    refresh_token: str

    @classmethod
    def of(cls, signed_in: SignedIn) -> Self:
        """The answer for a flow's outcome."""
        return cls(
            access_token=signed_in.access_token,
            expires_in=signed_in.expires_in,
            refresh_token=signed_in.refresh_token,
        )


class LoginAnswer(TokenAnswer):
    """Tokens of a new session, and the token that makes this device known."""

    device_token: str

    @classmethod
    def of(cls, signed_in: SignedIn) -> Self:
        """The answer for a flow's outcome."""
        return cls(
            access_token=signed_in.access_token,
            expires_in=signed_in.expires_in,
            refresh_token=signed_in.refresh_token,
            device_token=signed_in.device_token or "",
        )


class BrowserAnswer(BaseModel):
    """The session is in a cookie. Send `csrf_token` as `X-CSRF-Token` with every request that changes something."""

    expires_in: int
    csrf_token: str


class CsrfAnswer(BaseModel):
    """The token of the caller's cookie session; empty for a caller who needs none."""

    csrf_token: str


class Person(BaseModel):
    """What people see of themselves."""

    id: str
    email: str
    name: str
    role: str
    verified: bool
    created_at: datetime

    @classmethod
    def of(cls, account: Account) -> Self:
        """The view of an account."""
        return cls.model_validate(_public(account))


class Own(Person):
    """What people see of their own account."""

    username: str | None

    @classmethod
    def of_profile(cls, account: Account, username: str | None) -> Self:
        """The view of an account and its user name."""
        return cls.model_validate({**_public(account), "username": username})


class Rename(StrictModel):
    """Change the own name."""

    name: DisplayName


class Goodbye(StrictModel):
    """Delete the own account, with the password, or without one after a proof of the last minutes."""

    password: NewPasswordText | None = None


class ManagedPerson(Person):
    """What administrators see."""

    suspended: bool

    @classmethod
    def of(cls, account: Account) -> Self:
        """The view of an account."""
        return cls.model_validate({**_public(account), "suspended": account.suspended})


class Change(StrictModel):
    """What an administrator may change."""

    name: DisplayName | None = None
    role: Role | None = None


class People(BaseModel):
    """One page of accounts."""

    items: list[ManagedPerson]
    next: str | None = Field(description="Cursor of the next page; null on the last one.")
    total: int | None = Field(description="Exact up to 10,000, else null.")

    @classmethod
    def of(cls, page: AccountPage) -> Self:
        """The view of a page."""
        return cls(items=[ManagedPerson.of(account) for account in page.items], next=page.next, total=page.total)


def _public(account: Account) -> dict[str, object]:
    return {
        "id": account.id,
        "email": account.email,
        "name": account.name,
        "role": account.role,
        "verified": account.verified,
        "created_at": datetime.fromtimestamp(account.created_at, UTC),
    }
