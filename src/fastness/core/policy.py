"""Policies: (principal, thing) -> yes or Refused. An empty policy denies."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from fastness.core.errors import Forbidden
from fastness.core.principal import Principal


class Policy(Protocol):
    """A question about one principal and one thing, answered without input or output."""

    def __call__(self, who: Principal, thing: object = None, /) -> bool:
        """True when `who` may act on `thing`."""
        ...


@dataclass(frozen=True, slots=True)
class Allow:
    """One of these roles, or one of these permissions. With neither named, nobody."""

    role: tuple[str, ...] = ()
    permission: tuple[str, ...] = ()

    def __call__(self, who: Principal, _thing: object = None, /) -> bool:
        return not who.roles.isdisjoint(self.role) or not who.permissions.isdisjoint(self.permission)


@dataclass(frozen=True, slots=True)
class Owner:
    """The thing belongs to the caller: its `attribute` equals the principal's id (OWASP API1:2023)."""

    attribute: str = "owner_id"

    def __call__(self, who: Principal, thing: object = None, /) -> bool:
        owner = getattr(thing, self.attribute, None)
        return owner is not None and str(owner) == who.id


@dataclass(frozen=True, slots=True)
class AllOf:
    """Every policy says yes. None at all says no."""

    policies: tuple[Policy, ...]

    def __init__(self, policies: Iterable[Policy]) -> None:
        object.__setattr__(self, "policies", tuple(policies))

    def __call__(self, who: Principal, thing: object = None, /) -> bool:
        return bool(self.policies) and all(policy(who, thing) for policy in self.policies)


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one policy says yes. None at all says no."""

    policies: tuple[Policy, ...]

    def __init__(self, policies: Iterable[Policy]) -> None:
        object.__setattr__(self, "policies", tuple(policies))

    def __call__(self, who: Principal, thing: object = None, /) -> bool:
        return any(policy(who, thing) for policy in self.policies)


def decide(policy: Policy, who: Principal, thing: object = None) -> None:
    """Let the call go on when the policy says yes.

    Raises:
        Forbidden: when it says no.
    """
    if not policy(who, thing):
        raise Forbidden(f"{policy!r} denied {who.id}")
