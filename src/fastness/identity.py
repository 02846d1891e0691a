"""What finds the caller, and what it needs around it: known when `secure` is called, final when the start begins."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

from fastness.controls.access import Authentication, Authenticator
from fastness.controls.bearer import Bearer
from fastness.controls.tokens import Tokens
from fastness.core.exchange import Element
from fastness.start import Hook


@dataclass(slots=True)
class Identity:
    """The authenticators of one application in their order, and the hooks that keep them alive."""

    authenticators: list[Authenticator]
    own: Authenticator | None = None
    """Our bearer tokens, when nothing else was asked for."""
    grants: dict[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])
    """Role -> permissions."""
    token_url: str | None = None
    on_start: list[Hook] = field(default_factory=list[Hook])
    on_stop: list[Hook] = field(default_factory=list[Hook])

    @classmethod
    def of(
        cls,
        authenticators: Sequence[Authenticator],
        issuer: Tokens | None,
        *,
        roles: Mapping[str, Iterable[str]],
        token_url: str | None,
        on_start: Sequence[Hook],
        on_stop: Sequence[Hook],
    ) -> Self:
        """What was given to `secure`: the authenticators, or our own bearer tokens when there are none."""
        own = Bearer(issuer.verify) if issuer is not None else None
        found_by = [*authenticators] or ([own] if own is not None else [])
        grants = {role: frozenset(permissions) for role, permissions in roles.items()}
        return cls(found_by, own, grants, token_url, [*on_start], [*on_stop])

    def first(self, authenticator: Authenticator, *, close: Hook) -> None:
        """Ask this one before all others."""
        self.authenticators.insert(0, authenticator)
        self.on_stop.append(close)

    def give_way(self, to: Authenticator, *, roles: Mapping[str, Iterable[str]]) -> None:
        """Put `to` in the place of our own bearer tokens, or before all others; the roles given to `secure` stay."""
        if self.own is not None and self.own in self.authenticators:
            self.authenticators[self.authenticators.index(self.own)] = to
        else:
            self.authenticators.insert(0, to)
        self.own = None
        for role, permissions in roles.items():
            self.grants.setdefault(role, frozenset(permissions))

    def element(self) -> Element:
        """The element of the chain, as everything stands now."""
        return Authentication(self.authenticators, grants=self.grants)
