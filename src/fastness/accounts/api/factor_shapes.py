"""The JSON of second factors and of proving again who one is."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal, Self

from pydantic import BaseModel, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from fastness.accounts.api.passkey_shapes import PasskeyUsed
from fastness.accounts.api.shapes import Opaque
from fastness.accounts.flows.factor_proof import Given
from fastness.accounts.flows.login import SecondFactorNeeded
from fastness.accounts.flows.manage_factors import Held
from fastness.controls.fields import DisplayName, StrictModel
from fastness.controls.fields import NewPassword as NewPasswordText

FactorCode = Annotated[str, StringConstraints(min_length=6, max_length=6, pattern=r"^[0-9]+$")]
RecoveryCode = Annotated[str, StringConstraints(min_length=20, max_length=64, pattern=r"^[A-Za-z0-9 -]+$")]


class MfaChallenge(BaseModel):
    """The password was right; finish at /auth/mfa. `methods`: totp, passkey, recovery_code, or enrol where none is there yet."""

    mfa_token: str
    methods: list[str]

    @classmethod
    def of(cls, needed: SecondFactorNeeded) -> Self:
        """The answer for a flow's outcome."""
        return cls(mfa_token=needed.mfa_token, methods=list(needed.methods))


class FactorGiven(StrictModel):
    """The code of an authenticator app, one recovery code, or a passkey's answer."""

    code: FactorCode | None = None
    recovery_code: RecoveryCode | None = None
    passkey: PasskeyUsed | None = None

    def given(self) -> Given:
        """What a flow takes."""
        return Given(self.code, self.recovery_code, None if self.passkey is None else self.passkey.model_dump())


class MfaAnswerGiven(FactorGiven):
    """Finish a sign-in. `remember_device` lets this device sign in without the factor for a while."""

    mfa_token: Opaque
    device_token: Opaque | None = None
    remember_device: bool = False

    @model_validator(mode="after")
    def _one_factor(self) -> Self:
        if sum(given is not None for given in (self.code, self.recovery_code, self.passkey)) != 1:
            raise PydanticCustomError("fastness_factor", "Give one of code, recovery_code and passkey")
        return self


class MfaEnrolment(StrictModel):
    """Get a factor in the middle of a sign-in that needs one."""

    mfa_token: Opaque


class ProofAgain(FactorGiven):
    """Prove again who you are: with a factor where there is one, else with the password."""

    password: NewPasswordText | None = None

    @model_validator(mode="after")
    def _one_proof(self) -> Self:
        if sum(given is not None for given in (self.password, self.code, self.recovery_code, self.passkey)) != 1:
            raise PydanticCustomError("fastness_proof", "Give one of password, code, recovery_code and passkey")
        return self


class FreshAnswer(BaseModel):
    """An access token of the same session, proved now."""

    access_token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 - the name of the scheme
    expires_in: int


class NewTotp(StrictModel):
    """Add an authenticator app."""

    name: DisplayName = "Authenticator app"


class TotpAnswer(BaseModel):
    """For the app: as text, as a link and as a QR code. Shown once."""

    id: str
    secret: str
    uri: str
    qr_svg: str


class FactorConfirmation(StrictModel):
    """The first code of the app."""

    code: FactorCode


class RecoveryCodeList(BaseModel):
    """Ten codes for the day the factor is lost, shown once; empty when those of before still count."""

    recovery_codes: list[str]


class OwnFactor(BaseModel):
    """One factor of the caller."""

    id: str
    kind: Literal["totp", "passkey"]
    name: str
    created_at: datetime
    last_used_at: datetime | None


class FactorList(BaseModel):
    """The caller's factors."""

    items: list[OwnFactor]
    next: None = None
    total: int
    recovery_codes_left: int

    @classmethod
    def of(cls, held: Held) -> Self:
        """The view of a list."""
        items = [
            OwnFactor(
                id=one.id,
                kind=one.kind,
                name=one.name,
                created_at=_when(one.created_at),
                last_used_at=None if one.last_used_at is None else _when(one.last_used_at),
            )
            for one in held.factors
        ]
        return cls(items=items, total=len(items), recovery_codes_left=held.recovery_codes)


def _when(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
