"""What `secure(app)` leaves in the application: its controls, what they found unsafe, and the report of the start."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from fastness.browser import Browser
from fastness.controls.apikeys import ApiKeys
from fastness.controls.cookies import CookieSession
from fastness.controls.tokens import Revocations, Tokens
from fastness.controls.websockets import WebSockets
from fastness.core.errors import UnsafeConfiguration
from fastness.core.events import Sink
from fastness.core.store import CounterStore
from fastness.identity import Identity
from fastness.rules import Gate, chain_of
from fastness.settings import DEBUG_IS_ON, Settings


@dataclass(slots=True)
class Secured:
    """What `secure(app)` installed, for those who issue tokens, send events or ask what is on."""

    settings: Settings
    emit: Sink
    """Takes security events."""
    tokens: Tokens | None
    """Issues and verifies access tokens; None where other authenticators do."""
    store: CounterStore
    """Where limits are counted."""
    gate: Gate
    identity: Identity
    """What finds the caller; an account service may take it over before the start."""
    browser: Browser
    """The session cookie and its CSRF protection; an account service may bring its own before the start."""
    on: list[str] = field(default_factory=list)
    off: list[str] = field(default_factory=list)
    observing: list[str] = field(default_factory=list)
    """What reports and refuses nothing."""
    found: list[UnsafeConfiguration] = field(default_factory=list)
    checks: list[Callable[[], list[UnsafeConfiguration]]] = field(default_factory=list)
    """Asked as well at the start, when every route is known."""
    apikeys: ApiKeys | None = None
    """Mints and verifies API keys; None where they are not read."""
    sockets: WebSockets | None = None
    """Watches what stays open; None where nobody does."""
    controls: dict[str, Any] = field(default_factory=dict[str, Any])
    """Each control as it was made, under its name; what takes two places in the chain, the inner one."""
    sinks: list[Sink] = field(default_factory=list[Sink])
    """Get every security event beside the log; an account service adds the one that stores them."""

    def __post_init__(self) -> None:
        if self.tokens is not None:
            self.follow(self.tokens.revocations)

    def follow(self, revocations: Revocations) -> None:
        """Whatever ends here ends open WebSockets and event streams at once."""
        if self.sockets is not None:
            revocations.listeners.append(self.sockets.recheck)

    @property
    def cookies(self) -> CookieSession | None:
        """Writes and reads the session cookie; None where no cookie signs anybody in."""
        return self.browser.session

    def problems(self) -> list[UnsafeConfiguration]:
        """Everything that must be settled before the application may serve; empty when it is safe to start."""
        rules = self.gate.afresh()
        found = [*self.found, *rules.problems(), *(problem for check in self.checks for problem in check())]
        if self.tokens is None and "tokens" in self.on and any(rule.protected for rule in rules.all):
            found.append(_NO_SECRET)
        for app in rules.mounted:
            inner = chain_of(app)
            if inner is not None:
                found += inner.problems()
            elif self.settings.production and getattr(app, "debug", False):
                found.append(DEBUG_IS_ON)
        return list({str(problem): problem for problem in found}.values())

    def report(self) -> str:
        """One short text: what is on, what is off, how many routes there are."""
        rules = self.gate.current().all
        count = Counter(rule.access for rule in rules)
        off = f"; off: {', '.join(self.off)}" if self.off else ""
        routes = f"{len(rules)} routes: {count['required']} need a caller, {count['public']} public"
        if count["inner"]:
            routes += f", {count['inner']} left to the chain of a mounted application"
        if count["undeclared"]:
            routes += f", {count['undeclared']} UNDECLARED"
        only = f"; ONLY OBSERVED, NOTHING IS REFUSED BY: {', '.join(sorted(self.observing))}" if self.observing else ""
        return f"fastness: {self.settings.environment}{only}; on: {', '.join(self.on)}{off}; {routes}"


_NO_SECRET = UnsafeConfiguration(
    "there is no secret to verify access tokens with",
    where="FASTNESS_SECRET",
    why="routes need a caller, and nobody could sign in",
    fix='run "fastness secret" and set FASTNESS_SECRET, or pass tokens= or authenticators= to secure(app)',
)
