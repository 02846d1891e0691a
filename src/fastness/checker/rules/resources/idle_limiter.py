"""
## What it looks for
A rate limiter that is built and applied to nothing.

## Why it matters
It looks protected in a review, and every request passes.

## Bad
    from fastapi import FastAPI
    from slowapi import Limiter
    from slowapi.util import get_remote_address

    app = FastAPI()
    app.state.limiter = Limiter(key_func=get_remote_address)

    @app.get("/")
    def home() -> str:
        return "home"

## Good
    from fastapi import FastAPI, Request
    from slowapi import Limiter
    from slowapi.util import get_remote_address

    app = FastAPI()
    limiter = Limiter(key_func=get_remote_address)
    app.state.limiter = limiter

    @app.get("/")
    @limiter.limit("60/minute")
    def home(request: Request) -> str:
        return "home"

## How it is found
slowapi's `Limiter` without `default_limits` whose `limit` and `shared_limit` are used nowhere, and `FastAPILimiter.init` without
a `RateLimiter` anywhere in the project.

## What it cannot see
Limits that another project puts on it.

## How to tell the checker
`# fastness: ignore[FN410] the reason` on the line.

## References
OWASP API4:2023, ASVS 2.4.1, CWE-770.
"""

from __future__ import annotations

from collections.abc import Iterator

from fastness.checker.evidence.project import Project
from fastness.checker.finding import Finding, Severity
from fastness.checker.rule import Rule

_DEFAULTS = ("default_limits", "application_limits")


class IdleLimiter(Rule):
    """A limiter that limits nothing."""

    id, name, control, severity = "FN410", "idle-limiter", "limits", Severity.HIGH
    owasp, asvs, cwe, guide = ("API4:2023",), ("2.4.1",), (770,), (7,)
    why = "every request passes, although the code looks limited"
    fix = "put the limit on the routes: @limiter.limit('5/minute'), or give default_limits and its middleware"

    def read(self, project: Project) -> Iterator[Finding]:
        words = set(project.called_words)
        built = [
            c
            for c in project.calls("slowapi.Limiter", "slowapi.extension.Limiter")
            if not any(c.has(d) for d in _DEFAULTS)
        ]
        if built and not _applied(project) and not built[0].spread:
            for call in built:
                yield self.found(call.place, "this limiter is applied to no route", subject=call.code)
        if "RateLimiter" not in words and "WebSocketRateLimiter" not in words:
            for call in project.calls("FastAPILimiter.init"):
                yield self.found(call.place, "no route has a RateLimiter", subject=call.code)


def _applied(project: Project) -> bool:
    """Whether something is decorated with a limit, or counts by hand."""
    for call in project.calls(
        "limit", "shared_limit", "hit", "check_request_limit", "_check_request_limit", "async_hit"
    ):
        if call.receiver is not None and "limit" in project.code(call.scope, call.receiver).lower():
            return True
    return False
