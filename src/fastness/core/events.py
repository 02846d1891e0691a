"""Security events: a closed vocabulary with OWASP names, one event, and the sink that takes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class EventType(StrEnum):
    """Names from the OWASP Logging Vocabulary cheat sheet. A new member is a new line in docs/controls."""

    AUTHN_LOGIN_SUCCESS = "authn_login_success"
    AUTHN_LOGIN_FAIL = "authn_login_fail"
    AUTHN_LOGIN_FAIL_MAX = "authn_login_fail_max"
    AUTHN_REAUTHENTICATE = "authn_reauthenticate"
    AUTHN_FACTOR_CHANGE = "authn_factor_change"
    AUTHN_FACTOR_CLONED = "authn_factor_cloned"
    AUTHN_CODE_FAIL = "authn_code_fail"
    AUTHN_PASSWORD_CHANGE = "authn_password_change"  # noqa: S105 - the name of an event
    AUTHN_TOKEN_CREATED = "authn_token_created"  # noqa: S105
    AUTHN_TOKEN_REVOKED = "authn_token_revoked"  # noqa: S105
    AUTHN_TOKEN_REUSE = "authn_token_reuse"  # noqa: S105
    AUTHN_TOKEN_FAIL = "authn_token_fail"  # noqa: S105
    AUTHZ_FAIL = "authz_fail"
    AUTHZ_CHANGE = "authz_change"
    AUTHZ_ADMIN = "authz_admin"
    CRYPT_DECRYPT_FAIL = "crypt_decrypt_fail"
    EXCESS_RATE_LIMIT_EXCEEDED = "excess_rate_limit_exceeded"
    INPUT_VALIDATION_FAIL = "input_validation_fail"
    MALICIOUS_CORS = "malicious_cors"
    MALICIOUS_CSRF = "malicious_csrf"
    MALICIOUS_EXTRANEOUS = "malicious_extraneous"
    MALICIOUS_HOST = "malicious_host"
    MALICIOUS_OUTBOUND = "malicious_outbound"
    MALICIOUS_REQUEST = "malicious_request"
    SESSION_CREATED = "session_created"
    SESSION_RENEWED = "session_renewed"
    SESSION_EXPIRED = "session_expired"
    SESSION_LOGOUT = "session_logout"
    SYS_STARTUP = "sys_startup"
    SYS_SHUTDOWN = "sys_shutdown"
    SYS_CRASH = "sys_crash"
    SYS_EVENTS_CHECKPOINT = "sys_events_checkpoint"
    SYS_MAIL_FAIL = "sys_mail_fail"
    SYS_MONITOR_DISABLED = "sys_monitor_disabled"
    SYS_PROXY_UNTRUSTED = "sys_proxy_untrusted"
    SYS_SQL_LITERAL = "sys_sql_literal"
    SYS_STORE_DOWN = "sys_store_down"
    SYS_STORE_UP = "sys_store_up"
    SYS_ROUTE_UNDECLARED = "sys_route_undeclared"
    UPLOAD_VALIDATION = "upload_validation"
    USER_CREATED = "user_created"
    USER_UPDATED = "user_updated"
    USER_DELETED = "user_deleted"
    KEY_ROTATED = "key_rotated"


class Level(StrEnum):
    """How loud an event is."""

    INFO = "INFO"
    WARN = "WARN"
    CRITICAL = "CRITICAL"


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened. `details` are redacted by the sink; still, put no secret in."""

    type: EventType
    who: str | None = None
    """The id of the account concerned, never an address or a name."""
    level: Level = Level.INFO
    reason: str = ""
    details: Mapping[str, Any] = field(default_factory=dict[str, Any])


Sink = Callable[[Event], None]
"""Takes an event and returns at once. A sink never raises."""


def silent(_: Event, /) -> None:
    """The sink of a control that nobody connected."""
