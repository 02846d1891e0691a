"""Refusals that outsiders may read, and configuration errors that only the operator reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from fastness.core.events import EventType


class Refused(Exception):
    """A request is refused with a stable code.

    The class knows what outsiders may read (`code`, `status`, `public`); the instance carries what only the log may
    read (`reason`), the headers of the answer and extra members of the problem.
    """

    code: ClassVar[str] = "refused"
    status: ClassVar[int] = 400
    public: ClassVar[str] = "The request was refused."
    event: ClassVar[EventType | None] = None
    """What the log calls it; None where it is nothing to log, or whoever refuses tells more."""

    def __init__(
        self,
        reason: str = "",
        *,
        headers: Mapping[str, str] | None = None,
        members: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(reason or self.public)
        self.reason = reason
        self.headers: dict[str, str] = dict(headers or {})
        self.members: dict[str, Any] = dict(members or {})


class BadRequest(Refused):
    """The request is malformed in a way that no route can repair."""

    code, status, public = "bad_request", 400, "The request is malformed."


class TwoIdentities(BadRequest):
    """The request carries credentials of two kinds, so that two readers of it could see two different callers."""

    code, public = "two_identities", "Send one kind of credential: a session cookie, a bearer token or an API key."
    event: ClassVar[EventType | None] = EventType.AUTHN_TOKEN_FAIL


class Unauthenticated(Refused):
    """Nobody proved who they are. The answer carries the challenge of RFC 6750 section 3, without an error code."""

    code, status, public = "unauthenticated", 401, "Sign in first."
    event: ClassVar[EventType | None] = EventType.AUTHZ_FAIL

    def __init__(self, reason: str = "", *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(reason, headers={"WWW-Authenticate": "Bearer", **(headers or {})})


class InvalidToken(Unauthenticated):
    """A token was sent and is not good; which check failed is for the log only (RFC 6750 section 3.1)."""

    code, public = "invalid_token", "The access token is expired, revoked or not valid."
    event: ClassVar[EventType | None] = EventType.AUTHN_TOKEN_FAIL

    def __init__(self, reason: str = "", *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(reason, headers={"WWW-Authenticate": 'Bearer error="invalid_token"', **(headers or {})})


class Forbidden(Refused):
    """The caller is known and may not do this."""

    code, status, public = "forbidden", 403, "You may not do this."
    event: ClassVar[EventType | None] = EventType.AUTHZ_FAIL


class InsufficientScope(Forbidden):
    """A role or permission is missing (RFC 6750 section 3.1)."""

    code, public = "insufficient_scope", "Your role or permissions do not allow this."

    def __init__(self, reason: str = "", *, scope: str = "") -> None:
        challenge = 'Bearer error="insufficient_scope"' + (f', scope="{scope}"' if scope else "")
        super().__init__(reason, headers={"WWW-Authenticate": challenge})


class StepUpRequired(Unauthenticated):
    """The sign-in is too old for this action, or was without a second factor (RFC 9470)."""

    code, public = "insufficient_user_authentication", "Prove again who you are to do this."

    def __init__(self, reason: str = "", *, max_age: int | None = None, mfa: bool = False) -> None:
        """`max_age` in seconds; `mfa` says that a second factor is needed."""
        wanted = (f', max_age="{max_age}"' if max_age is not None else "") + (', acr_values="mfa"' if mfa else "")
        super().__init__(
            reason, headers={"WWW-Authenticate": f'Bearer error="insufficient_user_authentication"{wanted}'}
        )


class TooManyRequests(Refused):
    """A limit is reached (RFC 6585 section 4)."""

    code, status, public = "rate_limited", 429, "Too many requests. Try again later."

    def __init__(self, reason: str = "", *, retry_after: float, headers: Mapping[str, str] | None = None) -> None:
        """`retry_after` in seconds; it is rounded up to a whole second, at least one."""
        self.retry_after = max(1, int(-(-retry_after // 1)))
        super().__init__(
            reason,
            headers={"Retry-After": str(self.retry_after), "Cache-Control": "no-store", **(headers or {})},
        )


class Unavailable(Refused):
    """Something this answer needs is not there now; trying again later is right."""

    code, status, public = "unavailable", 503, "The service cannot answer right now. Try again soon."

    def __init__(self, reason: str = "", *, retry_after: int = 1) -> None:
        """`retry_after` in seconds."""
        super().__init__(reason, headers={"Retry-After": str(retry_after)})


class UnsafeConfiguration(Exception):
    """The start stops: what is wrong, where, why it matters, and the next step. Never carries a secret value."""

    def __init__(self, what: str, *, where: str, why: str, fix: str) -> None:
        super().__init__(what)
        self.what, self.where, self.why, self.fix = what, where, why, fix

    def __str__(self) -> str:
        return f"fastness: {self.what}\n  where: {self.where}\n  why:   {self.why}\n  fix:   {self.fix}"


class MissingExtra(ImportError):
    """A feature needs packages that are not installed; the message is the install command."""

    def __init__(self, feature: str, extra: str) -> None:
        super().__init__(f'{feature} needs the {extra} extra: pip install "fastness[{extra}]"')
        self.extra = extra
