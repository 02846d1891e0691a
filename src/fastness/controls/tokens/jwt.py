"""The one way to issue an access token and the one way to verify it."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from typing import Any

from fastness.controls.tokens import claims as rules
from fastness.controls.tokens import jws, strict
from fastness.controls.tokens.keys import TokenKeys
from fastness.controls.tokens.revocations import Revocations
from fastness.controls.tokens.settings import TokenSettings
from fastness.core.clock import Clock, wall
from fastness.core.declare import provides
from fastness.core.errors import InvalidToken, UnsafeConfiguration
from fastness.core.principal import Principal


class _Verified:
    """The keys in force, and the tokens they verified in two generations.

    Replaced as a whole: a token verified while the keys are replaced lands in the cache that is thrown away.
    """

    __slots__ = ("keys", "old", "young")

    def __init__(self, keys: TokenKeys) -> None:
        self.keys = keys
        self.young: dict[bytes, Principal] = {}
        self.old: dict[bytes, Principal] = {}


@provides("tokens")
class Tokens:
    """Issues and verifies access tokens of one issuer for one audience.

    There is no `decode`: a token that was not verified says nothing. Successes are cached; every hit asks again for
    expiry, the time of issue, revocation and the user's version. Safe to share between threads.

    Raises:
        UnsafeConfiguration: when the issuer is not known.
    """

    def __init__(
        self,
        keys: TokenKeys,
        settings: TokenSettings,
        *,
        revocations: Revocations | None = None,
        now: Clock = wall,
    ) -> None:
        if not settings.issuer:
            raise UnsafeConfiguration(
                "tokens have no issuer",
                where="FASTNESS_TOKENS__ISSUER",
                why="a token of any other service that shares the key would be accepted",
                fix="set FASTNESS_PUBLIC_URL, or FASTNESS_TOKENS__ISSUER",
            )
        self.settings = settings
        self.revocations = revocations if revocations is not None else Revocations(now=now)
        self._now, self._revoked = now, self.revocations.revoked
        self._verified = _Verified(keys)

    @property
    def keys(self) -> TokenKeys:
        """The keys in force."""
        return self._verified.keys

    def replace_keys(self, keys: TokenKeys) -> None:
        """Sign and verify with these keys from now on, and forget every token that older ones verified."""
        self._verified = _Verified(keys)

    def verify(self, raw: bytes | str) -> Principal:
        """Who this token speaks for.

        Raises:
            InvalidToken: for every token that is not good and everything that is no token; never anything else.
        """
        if isinstance(raw, str):
            raw = raw.encode("utf-8", "replace")
        verified = self._verified
        try:
            who = verified.young.get(raw) or self._older(verified, raw)
        except InvalidToken:
            raise
        except Exception as error:  # noqa: BLE001 - what cannot be checked is refused; the text of an error may quote the token
            raise InvalidToken(f"not checked: {type(error).__name__}") from None
        now = self._now()
        if who.expires_at <= now:
            raise InvalidToken("expired")
        if who.claims["iat"] > now + self.settings.leeway:  # the clock was set back since it was verified
            raise InvalidToken("issued in the future")
        if self._revoked(who):
            raise InvalidToken("revoked")
        return who

    def issue(
        self,
        subject: str,
        *,
        session: str | None = None,
        roles: Iterable[str] = (),
        permissions: Iterable[str] = (),
        version: int = 0,
        authenticated_at: float | None = None,
        methods: Iterable[str] = (),
        lifetime: int | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> str:
        """A token for `subject`, alive for `lifetime` seconds (the settings' unless given).

        Without `session` the token gets a session of its own, unless the settings require none. Permissions travel
        as `scope`; `authenticated_at` (Unix seconds) and `methods` as `auth_time` and `amr`. `extra` claims are
        readable by everybody who holds the token.

        Raises:
            ValueError: when `verify` would refuse such a token.
        """
        settings, issued = self.settings, int(self._now())
        life = settings.lifetime if lifetime is None else lifetime
        if not 0 < life <= settings.max_lifetime:
            raise ValueError(f"a token lives 1 to {settings.max_lifetime} seconds")
        if session is None and settings.require_session:
            session = secrets.token_urlsafe(16)
        if any(isinstance(several, str) for several in (roles, permissions, methods)):
            raise ValueError("roles, permissions and methods are lists: a text would be taken letter by letter")
        claims: dict[str, Any] = {
            "iss": settings.issuer,
            "aud": settings.audience or settings.issuer,
            "sub": subject,
            "iat": issued,
            "exp": issued + life,
            "jti": secrets.token_urlsafe(16),
            "sid": session,
            "scope": " ".join(rules.scope_token(item) for item in sorted(permissions)),
            "roles": sorted(roles),
            "ver": version,
            "auth_time": None if authenticated_at is None else int(authenticated_at),
            "amr": list(methods),
        }
        claims = {name: value for name, value in claims.items() if value not in (None, "", [])}
        if extra:
            if not (rules.REGISTERED | rules.FOREIGN).isdisjoint(extra):
                raise ValueError("extra claims cannot replace the token's own or mark it as another kind")
            claims.update(extra)
        payload = strict.dump(claims)
        rules.principal({"typ": rules.TYPE}, payload, settings, issued)
        token = jws.sign({"typ": rules.TYPE}, payload, self.keys.current)
        if len(token) > jws.LONGEST:
            raise ValueError(f"the token would have {len(token)} bytes; {jws.LONGEST} is the most that is accepted")
        return token.decode("ascii")

    def _older(self, verified: _Verified, raw: bytes) -> Principal:
        who = verified.old.get(raw)
        if who is None:
            try:
                header, payload = jws.verify(raw, verified.keys)
                who = rules.principal(header, payload, self.settings, self._now())
            except (jws.Broken, rules.Unacceptable) as error:
                raise InvalidToken(str(error)) from None
        size = self.settings.cache_size
        if size:
            if len(verified.young) >= size:
                verified.old, verified.young = verified.young, {}
            verified.young[raw] = who
        return who
