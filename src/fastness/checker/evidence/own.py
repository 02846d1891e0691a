"""Declarations about routes: Fastness's own marks in the code, what configuration declares, and development switches."""

from __future__ import annotations

import ast
import re
from bisect import bisect_right
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import cache
from typing import TYPE_CHECKING

from fastness.checker.evidence.depending import Depending
from fastness.checker.evidence.found import matches
from fastness.checker.evidence.functions import Call, Function
from fastness.checker.evidence.model import Application, Guard, Middleware, Route
from fastness.checker.evidence.written import written

if TYPE_CHECKING:
    from fastness.checker.evidence.project import Project

_DEVELOPMENT = re.compile(
    r"debug|(^|[^a-z])(dev|local|test|testing|development|staging|is_local|is_dev)([^a-z]|$)", re.IGNORECASE
)
_NOT_PRODUCTION = re.compile(r"(!=|is not|not in)[^=]*prod|not\s+\S*prod", re.IGNORECASE)

SLOWAPI = ("SlowAPIMiddleware", "SlowAPIASGIMiddleware")
"""Middleware that enforces the default limits of a limiter; without such it only serves the decorators."""


@dataclass(frozen=True, slots=True)
class Secured:
    """`secure(app, ...)`: closed unless declared open."""

    call: Call
    public: tuple[tuple[str, str], ...]
    """Path to reason."""
    controls: frozenset[str]

    def guarded(self, route: Route) -> Route:
        """The route behind it: open when declared, else refused to strangers."""
        reason = route.public or next((why for path, why in self.public if _covers(path, route)), None)
        if reason is not None:
            return replace(route, public=reason)
        return replace(
            route,
            guards=(*route.guards, Guard("access", "secure(app): closed unless declared public", self.call.place)),
        )


class Own:
    """Reads declarations."""

    def __init__(self, project: Project, depending: Depending) -> None:
        self._project = project
        self._depending = depending

    def secured(self, passed: list[Call]) -> Secured | None:
        """The call of Fastness's `secure` on an application."""
        for call in passed:
            if matches(call.name, ("fastness.secure", "fastness.chain.secure")):
                public = call.arg("public")
                pairs = self._project.dict_items(call.scope, public) if public is not None else {}
                reasons = tuple(
                    (path, self._project.value(call.scope, why).text or "declared") for path, why in pairs.items()
                )
                return Secured(call, reasons, frozenset(_every_control()) - self._turned_off(call))
        return None

    @staticmethod
    def _turned_off(call: Call) -> frozenset[str]:
        return frozenset(
            k for k, v in call.keywords.items() if isinstance(v, ast.Constant) and v.value in {False, None}
        )

    def controls(
        self, middleware: tuple[Middleware, ...], secured: Secured | None, passed: list[Call]
    ) -> frozenset[str]:
        """Catalogue entries that hold for all routes of an application."""
        found = set(self._project.intent.gateway)
        if secured is not None:
            found |= secured.controls
        for one in middleware:
            found |= _known_middleware(one.name)
            if matches(one.name, SLOWAPI) and self._project.once(limits_all):
                found.add("limits")
            if matches(one.name, self._project.intent.limiters):
                found.add("limits")
        for call in passed:
            if matches(call.name, ("fastapi_limiter.FastAPILimiter.init",)):
                found.discard("limits")
        return frozenset(found)

    def public(self, methods: frozenset[str], path: str, handler: Function | None) -> str | None:
        """Why a route is declared public: `@public("reason")`, or configuration."""
        if handler is not None:
            outside = handler.scope.parent or handler.scope
            for name, expr in handler.decorators:
                if matches(name, ("fastness.public", "fastness.core.declare.public")) and isinstance(expr, ast.Call):
                    return self._project.call_of(outside, expr).value("reason", 0).text or "declared public"
        for declared, why in self._project.intent.public.items():
            verbs, _, pattern = declared.rpartition(" ")
            if (not verbs or methods & set(verbs.upper().split(","))) and fnmatchcase(path, pattern):
                return why or "declared public"
        return None

    @staticmethod
    def in_development(call: Call) -> bool:
        """Whether a call stands under a test that only development passes."""
        return in_development(call)


def in_development(call: Call) -> bool:
    """Whether a call stands under a test that only development passes."""
    module = call.module
    for test, turned in _tests_around(module.tree, call.node):
        text = written(test)
        if turned:
            if re.search(r"prod", text, re.IGNORECASE) and not _NOT_PRODUCTION.search(text):
                return True
        elif _NOT_PRODUCTION.search(text) or (
            _DEVELOPMENT.search(text) and "prod" not in text.lower() and "not " not in text
        ):
            return True
    return False


def limits_all(project: Project) -> bool:
    """Whether a slowapi limiter has limits for every route: its middleware alone counts nothing."""
    made = [c for c in project.calls("slowapi.Limiter", "slowapi.extension.Limiter", "Limiter") if c.target is None]
    return any(c.has("default_limits") or c.has("application_limits") or c.spread for c in made) or not made


def limits_everywhere(project: Project, application: Application) -> bool:
    """Whether a gateway or a middleware counts every route. `secure(app)` does too, but far above what a sign-in may have."""
    if "limits" in project.intent.gateway:
        return True
    return any(
        "limits" in _known_middleware(one.name)
        or matches(one.name, project.intent.limiters)
        or (matches(one.name, SLOWAPI) and project.once(limits_all))
        for one in application.middleware
    )


def _tests_around(tree: ast.Module, wanted: ast.AST) -> list[tuple[ast.expr, bool]]:
    """The tests of the `if`s around a node, outermost first; True where the node is in the else branch."""
    line = getattr(wanted, "lineno", 0)
    found: list[tuple[ast.expr, bool]] = []

    def search(statements: list[ast.stmt]) -> None:
        # Statements follow one another: of 10,000 routes in one file only the last one that begins before can be around.
        at = bisect_right(statements, line, key=lambda statement: statement.lineno)
        for statement in statements[max(0, at - 1) : at]:
            if line > (statement.end_lineno or statement.lineno):
                continue
            if isinstance(statement, ast.If):
                orelse = bool(statement.orelse) and line >= statement.orelse[0].lineno
                found.append((statement.test, orelse))
            for name in ("body", "orelse", "finalbody", "handlers"):
                search([s for s in getattr(statement, name, []) if isinstance(s, (ast.stmt, ast.ExceptHandler))])  # type: ignore[misc]

    search(tree.body)
    return found


def _covers(path: str, route: Route) -> bool:
    if route.kind == "mount":
        return path == route.path
    return path in {route.path, str(route)}


@cache
def _every_control() -> tuple[str, ...]:
    from fastness.core.catalog import load

    return tuple(control.id for control in load().installed())


def _known_middleware(name: str) -> set[str]:
    known = {
        "CORSMiddleware": "cors",
        "TrustedHostMiddleware": "hosts",
        "HTTPSRedirectMiddleware": "headers",
        "RateLimitMiddleware": "limits",
        "RateLimiterMiddleware": "limits",
        "ThrottleMiddleware": "limits",
        "SecurityHeadersMiddleware": "headers",
        "SecureHeadersMiddleware": "headers",
        "CSRFMiddleware": "csrf",
        "CSRFProtectMiddleware": "csrf",
        "ContentSizeLimitMiddleware": "body",
    }
    found = known.get(name.rpartition(".")[2])
    return {found} if found else set()
