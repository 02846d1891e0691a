"""Settings of the account service, and of a service that is nothing else."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field, SecretStr, field_validator

from fastness.accounts.mail import MailSettings
from fastness.accounts.throttle import ThrottleSettings
from fastness.controls.passkeys import PasskeySettings
from fastness.controls.passwords import PasswordSettings
from fastness.controls.secrets import also_read
from fastness.core.errors import UnsafeConfiguration
from fastness.settings import Settings

ADMINISTRATORS = ("admin", "super_admin")
"""Roles that may manage users."""

_ROLES: dict[str, list[str]] = {
    "user": [],
    "editor": [],
    "admin": ["users:read", "users:write"],
    "super_admin": ["users:read", "users:write", "administrators:write"],
}


class MfaSettings(BaseModel, frozen=True):
    """FASTNESS_ACCOUNTS__MFA__*"""

    required: Literal["nobody", "listed", "everyone"] | None = Field(
        default=None,
        description="Who must have a second factor: the roles in REQUIRED_ROLES, everyone, or nobody. Unset: everyone in the "
        "profile strict, else nobody.",
    )
    required_roles: tuple[str, ...] = Field(
        default=ADMINISTRATORS, description="The roles that REQUIRED=listed is about."
    )
    challenge_seconds: int = Field(default=300, ge=30, le=600, description="Time for the second factor of a sign-in.")
    tries: int = Field(default=5, ge=1, le=10, description="Wrong codes that end a challenge.")
    totp_skew: int = Field(
        default=0,
        ge=0,
        le=1,
        description="Steps of 30 seconds before and after now whose codes count too (ASVS 6.5.5).",
    )
    remember_days: int = Field(
        default=30,
        ge=0,
        le=90,
        description="Days for which a device that asked for it signs in without the factor; 0: never. Never in strict.",
    )
    fresh_seconds: int = Field(
        default=300, ge=30, le=3600, description="Age of the last proof with which factors may be changed (ASVS 7.5.1)."
    )

    def needed_by(self, role: str) -> bool:
        """Whether people of this role must have a factor."""
        return self.required == "everyone" or (self.required == "listed" and role in self.required_roles)


class EventSettings(BaseModel, frozen=True):
    """FASTNESS_ACCOUNTS__EVENTS__*"""

    stored: bool = Field(
        default=True, description="Store security events in the database, chained. They are logged anyway."
    )
    keep_days: int = Field(
        default=90, ge=1, le=3650, description="Days after which stored events are purged (OWASP Secrets Management)."
    )
    address: bool = Field(default=True, description="Store the address and the User-Agent with an event.")
    erase_deleted: bool = Field(
        default=False, description="When an account is deleted, erase what its events say; the chain still holds."
    )
    queue: int = Field(
        default=10_000,
        ge=100,
        le=1_000_000,
        description="Events that wait in one process while the database is away; more are dropped and counted.",
    )


class LeakSettings(BaseModel, frozen=True):
    """FASTNESS_ACCOUNTS__LEAKS__*"""

    secret: SecretStr | None = Field(
        default=None,
        min_length=32,
        description="Shared with a scanner that reports leaked API keys and signs each report with it (HMAC-SHA-256).",
    )
    public_keys: dict[str, str] = Field(
        default={},
        description="Identifier -> ECDSA P-256 public key (PEM) of scanners that sign as GitHub's secret scanning does.",
    )

    @property
    def wanted(self) -> bool:
        """Whether anybody may report."""
        return self.secret is not None or bool(self.public_keys)


class AccountSettings(BaseModel, frozen=True):
    """FASTNESS_ACCOUNTS__*"""

    roles: dict[str, list[str]] = Field(
        default=_ROLES, description="Role to permissions. A role that is not listed has none and cannot be given."
    )
    login_by: tuple[Literal["email", "username"], ...] = Field(
        default=("email",),
        description="What people sign in with: the address, and with `username` a user name of their choice too.",
    )
    reserved_usernames: tuple[str, ...] = Field(
        default=(), description="User names that nobody may have, besides admin, root, support and their like."
    )
    unsafe_allow_unverified: bool = Field(
        default=False, description="Let people sign in before they proved their address. Production refuses it."
    )
    password_grant: bool | None = Field(
        default=None,
        description="Serve OAuth2's password grant at /auth/token. Unset: in development only (RFC 9700 section 2.4).",
    )
    session_idle: int = Field(
        default=7 * 86_400, ge=60, le=30 * 86_400, description="Seconds without a refresh that end a session."
    )
    session_absolute: int = Field(
        default=30 * 86_400, ge=60, le=90 * 86_400, description="Seconds after which a session ends whatever happens."
    )
    sessions_per_user: int = Field(default=50, ge=1, le=1000, description="One more sign-in ends the oldest session.")
    session_check: Literal["revocations", "every_request"] = Field(
        default="revocations",
        description="Ask memory, kept fresh by one read per second, or the session's row on every request.",
    )
    refresh_grace: float = Field(
        default=10.0, ge=0, le=60, description="Seconds in which a used refresh token gets the same successor again."
    )
    revocation_interval: float = Field(
        default=0.75,
        gt=0,
        le=2,
        description="Seconds between two reads of revocations and keys. With the read itself, what ended is refused by "
        "every worker within a second.",
    )
    revocation_stale: float = Field(
        default=3.0, gt=0, le=10, description="Seconds after which a request no longer trusts the last such read."
    )
    device_days: int = Field(default=90, ge=1, le=400, description="Days for which a device stays known.")
    new_device_confirmation: bool = Field(
        default=False,
        description="A device not seen before signs in with a mailed code besides the password, where no second factor is asked.",
    )
    new_device_notice: bool = Field(default=True, description="Mail the owner when a device not seen before signs in.")
    code_seconds: int = Field(default=600, ge=60, le=600, description="Life of an e-mailed code (ASVS 6.5.5).")
    code_tries: int = Field(default=5, ge=1, le=5, description="Wrong entries that end an e-mailed code.")
    verify_link: str | None = Field(
        default=None,
        pattern=r"^https?://[^\s#]+$",
        description="Page that opens from the mail, as in https://app.example.com/verify; none: the mail has the code only.",
    )
    reset_link: str | None = Field(
        default=None,
        pattern=r"^https?://[^\s#]+$",
        description="Page that chooses a new password, as in https://app.example.com/reset; none: the mail has the code only.",
    )
    email_link: str | None = Field(
        default=None,
        pattern=r"^https?://[^\s#]+$",
        description="Page that confirms a new address, as in https://app.example.com/email; none: the mail has the code only.",
    )
    magic: bool = Field(
        default=False,
        description="Let people sign in with a mailed link or code instead of the password. Off: a mailbox is no "
        "authenticator (NIST SP 800-63B-4).",
    )
    magic_link: str | None = Field(
        default=None,
        pattern=r"^https?://[^\s#]+$",
        description="Page that signs in from the mail, as in https://app.example.com/magic; none: the mail has the code only.",
    )
    deletion_days: int = Field(
        default=14,
        ge=0,
        le=90,
        description="Days in which a deletion can be taken back; the account is shut meanwhile. 0: it goes at once.",
    )
    restore_link: str | None = Field(
        default=None,
        pattern=r"^https?://[^\s#]+$",
        description="Page that takes a deletion back, as in https://app.example.com/restore; none: the mail has the code only.",
    )
    create_tables: bool | None = Field(
        default=None,
        description="Make missing tables at start. Unset: in development only; else `fastness db upgrade`.",
    )
    counters: Literal["memory", "database", "redis"] | None = Field(
        default=None,
        description="Where sign-ins and limits are counted: in each process, or in the database or Redis for all "
        "workers. Unset: in Redis where FASTNESS_REDIS_URL is set, else in each process.",
    )
    security_contact: str | None = Field(
        default=None,
        pattern=r"^(https://|mailto:|tel:)[^\s]+$",
        description="Contact in /.well-known/security.txt (RFC 9116); without one the file is not served.",
    )
    api_keys: bool = Field(
        default=True, description="Let people make API keys for programs, within their own permissions."
    )
    keys_per_user: int = Field(default=25, ge=1, le=1000, description="API keys of one person at a time.")
    reset_ends_keys: bool = Field(
        default=True,
        description="A new password by mail, or one that an administrator forces, ends the person's API keys too: whoever held the "
        "account before may have made one.",
    )
    leaks: LeakSettings = Field(default_factory=LeakSettings, description="Reports of leaked API keys.")
    mfa: MfaSettings = Field(default_factory=MfaSettings, description="Second factors.")
    events: EventSettings = Field(default_factory=EventSettings, description="Stored security events.")
    throttle: ThrottleSettings = Field(default_factory=ThrottleSettings, description="Sign-in throttling.")

    @field_validator("login_by")
    @classmethod
    def _always_by_email(cls, chosen: tuple[str, ...]) -> tuple[str, ...]:
        if "email" not in chosen:
            raise ValueError("people can always sign in with their address: login_by needs email")
        return chosen

    def problems(self, *, production: bool) -> list[UnsafeConfiguration]:
        """What must be changed before this runs."""
        found = []
        if production and self.unsafe_allow_unverified:
            found.append(
                UnsafeConfiguration(
                    "people may sign in before they prove their address",
                    where="FASTNESS_ACCOUNTS__UNSAFE_ALLOW_UNVERIFIED",
                    why="Anybody could hold an account under somebody else's address.",
                    fix="Remove the setting.",
                )
            )
        if self.session_absolute < self.session_idle:
            found.append(
                UnsafeConfiguration(
                    "a session may idle longer than it may live",
                    where="FASTNESS_ACCOUNTS__SESSION_IDLE",
                    why="The shorter of the two wins, so this setting says something that does not happen.",
                    fix="Set it to at most FASTNESS_ACCOUNTS__SESSION_ABSOLUTE.",
                )
            )
        return found


class ServiceSettings(Settings):
    """FASTNESS_*: everything that `secure(app)` reads, and the accounts' own sections."""

    database_url: str = Field(
        default="sqlite:///fastness.db",
        repr=False,
        validation_alias=also_read("DATABASE_URL"),
        description="SQLite or PostgreSQL. Also read from DATABASE_URL.",
    )
    passwords: PasswordSettings = Field(default_factory=PasswordSettings, description="How passwords are hashed.")
    passkeys: PasskeySettings = Field(default_factory=PasskeySettings, description="Passkeys.")
    accounts: AccountSettings = Field(default_factory=AccountSettings, description="The account service.")
    mail: MailSettings = Field(default_factory=MailSettings, description="How mails leave.")

    def unsafe(self, *, own_mailer: bool = False) -> list[UnsafeConfiguration]:
        """What the account sections must not hold in this environment."""
        production = self.production
        found = [*self.accounts.problems(production=production), *self.passwords.problems(production=production)]
        found += self.passkeys.problems(production=production)
        return found if own_mailer else [*found, *self.mail.problems(production=production)]
