"""An account and its session become an access token."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from fastness.accounts.models import Account
from fastness.controls.tokens import Tokens


@dataclass(frozen=True, slots=True)
class SignedIn:
    """What a client gets to act for a session."""

    access_token: str = field(repr=False)
    expires_in: int
    """Seconds."""
    refresh_token: str = field(repr=False)
    device_token: str | None = field(default=None, repr=False)
    """Makes this device known at the next sign-in, so that strangers who guess cannot slow it down."""


@dataclass(frozen=True, slots=True)
class SignedInBrowser:
    """What a browser gets to act for a session: a cookie that no script reads."""

    cookie: str = field(repr=False)
    max_age: int
    """Seconds until the session ends whatever happens."""
    session_id: str
    device_token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Issue:
    """Writes access tokens: roles and permissions as they are now, the session, the account's version."""

    tokens: Tokens
    roles: Mapping[str, Sequence[str]]
    lifetime: int
    """Seconds."""

    def access_token(
        self, account: Account, session_id: str, *, authenticated_at: float, methods: Sequence[str], life: int
    ) -> str:
        """A signed token for `life` seconds. A role that is not configured carries no permission."""
        return self.tokens.issue(
            account.id,
            session=session_id,
            roles=(account.role,),
            permissions=tuple(self.roles.get(account.role, ())),
            version=account.version,
            authenticated_at=authenticated_at,
            methods=tuple(methods),
            lifetime=life,
        )

    def life(self, *, now: float, ends: float) -> int:
        """Seconds for a token of a session that ends at `ends`: no token outlives its session (ASVS 7.3.2)."""
        return max(1, min(self.lifetime, int(ends - now)))


def fingerprint(secret: str) -> str:
    """A short hash that names a secret id in logs without giving it away (OWASP Session cheat sheet).

    Log it as `sid_hash`: what is under a name with "session" is redacted.
    """
    return hashlib.sha256(secret.encode(errors="surrogatepass")).hexdigest()[:16]
