"""POST /auth/token: OAuth2 for Swagger's Authorize button and clients that speak nothing else (RFC 6749)."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form
from pydantic import BaseModel, SecretStr, TypeAdapter, ValidationError

from fastness.accounts.api.shapes import Opaque, TokenAnswer
from fastness.accounts.flows.login import SecondFactorNeeded
from fastness.accounts.flows.refusals import BadCredentials, InvalidRefreshToken
from fastness.accounts.service import Service
from fastness.accounts.wiring import FromClient, LoginFlow, RefreshFlow, TheService
from fastness.controls.fields import Email, NewPassword, Username
from fastness.core.declare import public
from fastness.core.errors import Refused

router = APIRouter(prefix="/auth", tags=["sign-in"])

_EMAIL: TypeAdapter[str] = TypeAdapter(Email)
_USERNAME: TypeAdapter[str] = TypeAdapter(Username)
_PASSWORD: TypeAdapter[SecretStr] = TypeAdapter(NewPassword)
_OPAQUE: TypeAdapter[str] = TypeAdapter(Opaque)


class TokenForm(BaseModel):
    """Fields of both grants. Unknown ones are ignored, as RFC 6749 section 3.2 says."""

    grant_type: str = ""
    username: str = ""
    password: SecretStr = SecretStr("")
    refresh_token: SecretStr = SecretStr("")


class OAuthError(Refused):
    """A problem that also carries RFC 6749's `error`."""

    def __init__(self, reason: str = "") -> None:
        super().__init__(reason, members={"error": self.code}, headers={"Cache-Control": "no-store"})


class InvalidRequest(OAuthError):
    """A parameter is missing or malformed."""

    code, public = "invalid_request", "The form needs grant_type, and username and password or refresh_token."


class InvalidGrant(OAuthError):
    """The credentials or the refresh token are not good."""

    code, public = "invalid_grant", "The credentials are not right, or the session has ended."


class UnsupportedGrantType(OAuthError):
    """This service does not offer the grant, or not here."""

    code, public = "unsupported_grant_type", "This grant is not available. Sign in at /auth/login."


@router.post("/token")
@public("this is how OAuth2 clients prove who they are")
async def token(
    given: Annotated[TokenForm, Form()], client: FromClient, login: LoginFlow, refresh: RefreshFlow, service: TheService
) -> TokenAnswer:
    """The password grant, where it is on, and the refresh grant."""
    try:
        match given.grant_type:
            case "password" if password_grant(service):
                name, password = _named(given.username, service), _PASSWORD.validate_python(given.password)
                match await login.with_password(name, password, client):
                    case SecondFactorNeeded():  # whoever has a factor is not asked for it here, so never let in here
                        raise InvalidGrant("the account has a second factor")
                    case signed_in:
                        return TokenAnswer.of(signed_in)
            case "refresh_token":
                presented = _OPAQUE.validate_python(given.refresh_token.get_secret_value())
                return TokenAnswer.of(await refresh(presented, client))
            case "":
                raise InvalidRequest("no grant_type")
            case _:
                raise UnsupportedGrantType
    except (BadCredentials, InvalidRefreshToken) as refused:
        raise InvalidGrant(refused.reason) from None
    except ValidationError:
        raise InvalidRequest("malformed parameter") from None


def _named(name: str, service: Service) -> str:
    by_username = "username" in service.settings.accounts.login_by and "@" not in name
    return (_USERNAME if by_username else _EMAIL).validate_python(name)


def password_grant(service: Service) -> bool:
    """Whether the password grant is on: in development unless it is set (RFC 9700 section 2.4 forbids it)."""
    chosen = service.settings.accounts.password_grant
    if chosen is None:
        return not service.settings.production and service.settings.profile != "strict"
    return chosen
