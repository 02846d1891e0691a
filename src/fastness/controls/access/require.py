"""`CurrentUser`, `OptionalUser` and `require(...)`: one kind of dependency, async and one level deep."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Annotated, Any

from fastapi import Depends, HTTPException
from fastapi.openapi.models import HTTPBearer
from fastapi.security.base import SecurityBase
from starlette.requests import HTTPConnection

from fastness.core.clock import Clock, wall
from fastness.core.declare import provides
from fastness.core.errors import InsufficientScope, Refused, StepUpRequired, Unauthenticated
from fastness.core.exchange import Exchange, Scope
from fastness.core.principal import Principal

SCHEME = "fastness"
"""The name of our security scheme in the OpenAPI document."""

_DURATION = re.compile(r"\A([1-9][0-9]{0,8})\s*(s|m|h|d)\Z")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class _Reader(SecurityBase):
    """Reads the principal that the chain found. A `SecurityBase`, so that OpenAPI and WebSockets work."""

    def __init__(self) -> None:
        self.model = HTTPBearer(bearerFormat="JWT", description="An access token (RFC 6750).")
        self.scheme_name = SCHEME

    async def _overridden(self, connection: HTTPConnection) -> Principal | None:
        return await _asked(connection.scope["app"].dependency_overrides[current_user], connection)


def _is_overridden(scope: Scope) -> bool:
    overrides: Mapping[Any, Any] | None = getattr(scope.get("app"), "dependency_overrides", None)
    return overrides is not None and current_user in overrides


def _found(scope: Scope) -> Principal | None:
    exchange: Exchange | None = scope.get("fastness")
    if exchange is None:
        # Fail closed: without an authenticator in front, nobody is anybody.
        raise HTTPException(503, "Access control is not installed: call secure(app).")
    if exchange.failure is not None:
        raise exchange.failure
    return exchange.principal


@provides("access")
class Require(_Reader):
    """Lets the request through for a caller who meets every requirement named; others get 401 or 403.

    Args:
        role: one of these roles.
        permission: all of these permissions, held directly or through a role.
        fresh: how long ago, in seconds, the caller may have proved who they are (RFC 9470).
        mfa: whether the proof had to have a second factor (`amr` holds "mfa", RFC 8176).
    """

    def __init__(
        self,
        *,
        role: Sequence[str] = (),
        permission: Sequence[str] = (),
        fresh: float | None = None,
        mfa: bool = False,
        now: Clock = wall,
    ) -> None:
        super().__init__()
        self.roles, self.permissions, self.fresh = frozenset(role), frozenset(permission), fresh
        self.mfa = mfa
        self._now = now

    async def __call__(self, connection: HTTPConnection) -> Principal:
        """The caller.

        Raises:
            Unauthenticated: nobody signed in, or the token is not good (`InvalidToken`).
            InsufficientScope: a role or permission is missing.
            StepUpRequired: the sign-in is older than `fresh`, or was without a second factor.
        """
        scope = connection.scope
        who = await self._overridden(connection) if _is_overridden(scope) else _found(scope)
        if who is None:
            raise Unauthenticated
        refused = self._refusal(who, scope.get("fastness"))
        if refused is not None:
            raise refused
        return who

    def settled(self, exchange: Exchange, /) -> bool:
        """Whether the caller that the chain has found meets every requirement."""
        who = exchange.principal
        return who is not None and exchange.failure is None and self._refusal(who, exchange) is None

    def answer(self, exchange: Exchange, /) -> Principal | None:
        """The caller."""
        return exchange.principal

    def _refusal(self, who: Principal, exchange: Exchange | None) -> Refused | None:
        if self.roles and self.roles.isdisjoint(who.roles):
            return InsufficientScope(f"{who.id} has none of the roles {sorted(self.roles)}")
        if self.permissions and not self.permissions <= who.permissions:
            grants: Mapping[str, frozenset[str]] = exchange.grants if exchange is not None else {}
            held = who.permissions.union(*(grants.get(role, frozenset()) for role in who.roles))
            if not self.permissions <= held:
                return InsufficientScope(
                    f"{who.id} lacks {sorted(self.permissions - held)}", scope=" ".join(sorted(self.permissions))
                )
        stale = self.fresh is not None and self._now() - who.authenticated_at > self.fresh
        if stale or (self.mfa and "mfa" not in who.methods):
            return StepUpRequired(max_age=None if self.fresh is None else int(self.fresh), mfa=self.mfa)
        return None

    def __repr__(self) -> str:
        needed = f"role={sorted(self.roles)}, permission={sorted(self.permissions)}, fresh={self.fresh}"
        return f"require({needed}{', mfa=True' if self.mfa else ''})"


class OptionalCaller(_Reader):
    """The caller, or None for an anonymous request. A credential that is not good is still refused.

    It does not count as an access decision: mark the route `@public("reason")` as well.
    """

    async def __call__(self, connection: HTTPConnection) -> Principal | None:
        """The caller or None.

        Raises:
            InvalidToken: a token was sent and is not good.
        """
        scope = connection.scope
        return await self._overridden(connection) if _is_overridden(scope) else _found(scope)

    def settled(self, exchange: Exchange, /) -> bool:
        """Whether no bad credential was sent."""
        return exchange.failure is None

    def answer(self, exchange: Exchange, /) -> Principal | None:
        """The caller or None."""
        return exchange.principal


current_user = Require()
"""The one inner dependency: override it in a test and every alias and requirement follows."""

optional_user = OptionalCaller()

CurrentUser = Annotated[Principal, Depends(current_user)]
"""The caller; 401 when there is none."""

OptionalUser = Annotated[Principal | None, Depends(optional_user)]
"""The caller or None; 401 when a credential is not good."""


def require(
    *,
    role: str | Sequence[str] = (),
    permission: str | Sequence[str] = (),
    fresh: str | timedelta | None = None,
    mfa: bool = False,
) -> Require:
    """A requirement for one route or router: `Depends(require(role="admin"))`.

    Args:
        role: a role, or several of which one is enough.
        permission: a permission, or several that are all needed.
        fresh: the greatest age of the sign-in, `"5m"` or a timedelta.
        mfa: a second factor must have been part of it.

    Raises:
        ValueError: when nothing is required, or a duration cannot be read.
    """
    roles = (role,) if isinstance(role, str) else tuple(role)
    permissions = (permission,) if isinstance(permission, str) else tuple(permission)
    if not roles and not permissions and fresh is None and not mfa:
        raise ValueError("require() needs a role, a permission, fresh or mfa; for any signed-in caller use CurrentUser")
    return Require(role=roles, permission=permissions, fresh=_duration(fresh), mfa=mfa)


def _duration(value: str | timedelta | None) -> float | None:
    if value is None or isinstance(value, timedelta):
        return value.total_seconds() if value is not None else None
    match = _DURATION.match(value)
    if match is None:
        raise ValueError(f'not a duration: {value!r}; write "5m", "1h" or a timedelta')
    return float(int(match[1]) * _SECONDS[match[2]])


async def _asked(override: Callable[..., Any], connection: HTTPConnection) -> Principal | None:
    takes = inspect.signature(override).parameters.values()
    needed = any(each.default is each.empty and each.kind is not each.VAR_KEYWORD for each in takes)
    answer = override(connection) if needed else override()
    who: Principal | None = await answer if inspect.isawaitable(answer) else answer
    return who
