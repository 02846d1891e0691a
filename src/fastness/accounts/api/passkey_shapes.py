"""The JSON of passkeys. What a browser's `toJSON()` says is read for what is needed; the rest is not looked at."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from fastness.accounts.api.shapes import Opaque
from fastness.accounts.models import StoredPasskey
from fastness.controls.fields import DisplayName, StrictModel

_URL_SAFE = r"^[A-Za-z0-9_-]*$"
CredentialId = Annotated[str, StringConstraints(min_length=1, max_length=1364, pattern=_URL_SAFE)]
Short = Annotated[str, StringConstraints(max_length=5_600, pattern=_URL_SAFE)]
Long = Annotated[str, StringConstraints(max_length=22_000, pattern=_URL_SAFE)]
Transport = Annotated[str, StringConstraints(max_length=32)]


class _FromBrowser(BaseModel):
    # Browsers add members from year to year; what is not named here goes nowhere.
    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)


class _Made(_FromBrowser):
    clientDataJSON: Long  # noqa: N815 - the standard's names
    attestationObject: Long  # noqa: N815
    transports: list[Transport] = Field(default=[], max_length=10)


class _Used(_FromBrowser):
    clientDataJSON: Long  # noqa: N815
    authenticatorData: Short  # noqa: N815
    signature: Short
    userHandle: Short | None = None  # noqa: N815


class PasskeyMade(_FromBrowser):
    """`RegistrationResponseJSON`: what `navigator.credentials.create()` gives."""

    id: CredentialId
    rawId: CredentialId  # noqa: N815
    type: Literal["public-key"]
    response: _Made


class PasskeyUsed(_FromBrowser):
    """`AuthenticationResponseJSON`: what `navigator.credentials.get()` gives."""

    id: CredentialId
    rawId: CredentialId  # noqa: N815
    type: Literal["public-key"]
    response: _Used


class PasskeyOptions(BaseModel):
    """For `PublicKeyCredential.parseCreationOptionsFromJSON` or `parseRequestOptionsFromJSON`."""

    options: dict[str, Any]


class SignInOptions(PasskeyOptions):
    """The same; send `flow` back with the answer."""

    flow: str | None = None


class OptionsFor(StrictModel):
    """Nothing for a sign-in by passkey alone; `mfa_token` for the second factor of a sign-in."""

    mfa_token: Opaque | None = None


class PasskeyLoginGiven(StrictModel):
    """Sign in with a passkey."""

    flow: Opaque
    passkey: PasskeyUsed
    device_token: Opaque | None = None


class NewPasskey(StrictModel):
    """Keep a passkey."""

    name: DisplayName = "Passkey"
    passkey: PasskeyMade


class PasskeyAdded(BaseModel):
    """It counts from now on. Recovery codes come with the first factor, once; else none."""

    id: str
    recovery_codes: list[str]


class PasskeyName(StrictModel):
    """Another name."""

    name: DisplayName


class OwnPasskey(BaseModel):
    """One passkey of the caller. `synced`: it may be on several devices."""

    id: str
    name: str
    synced: bool
    backed_up: bool
    created_at: datetime
    last_used_at: datetime | None

    @classmethod
    def of(cls, stored: StoredPasskey) -> Self:
        """The view of a passkey."""
        used = stored.last_used_at
        return cls(
            id=stored.id,
            name=stored.name,
            synced=stored.passkey.backup_eligible,
            backed_up=stored.passkey.backed_up,
            created_at=datetime.fromtimestamp(stored.created_at, UTC),
            last_used_at=None if used is None else datetime.fromtimestamp(used, UTC),
        )


class PasskeyList(BaseModel):
    """The caller's passkeys."""

    items: list[OwnPasskey]
    next: None = None
    total: int
