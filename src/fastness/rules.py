"""What was decided for each route before the first request: access, limits, body size; and the gate that applies it."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from fastness.controls.access import OptionalCaller, Require
from fastness.controls.limits import Limit
from fastness.core.declare import body_limit_of, provided, public_reason
from fastness.core.errors import BadRequest, Forbidden, Refused, UnsafeConfiguration
from fastness.core.events import Event, EventType, Level, Sink, silent
from fastness.core.exchange import Exchange, Quiet
from fastness.direct import Direct
from fastness.routes import Route, Table, framework_routers
from fastness.shortcut import Shortcut, shorten

Access = Literal["public", "required", "undeclared", "conflict", "off", "inner"]
"""`inner`: a mounted application with a chain of its own decides."""

_MOST_NAMED = 10
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_DIGITS = 4300  # sys.int_info.default_max_str_digits
_NUMBER = re.compile(rf"[0-9]{{{_DIGITS + 1}}}")
_PARAMETER = re.compile(r"\{\w+(?::(\w+))?\}")
_SAMPLES = {
    None: "~4815~",
    "str": "~4815~",
    "path": "~4815~/~1623~",
    "int": "48151623",
    "float": "4815.1623",
    "uuid": "48151623-4248-4151-a234-248151623424",
}


class UndeclaredRoute(Forbidden):
    """The route says neither who may call it nor that it is public."""

    code, public = "undeclared_route", "This route is not open."
    event = None  # the gate names the route


class NotFound(Refused):
    """There is nothing here, or nothing that may be shown."""

    code, status, public = "not_found", 404, "There is nothing here."


@dataclass(frozen=True, slots=True)
class Rule:
    """Everything the chain needs to know about one route."""

    route: Route
    access: Access
    reason: str
    """Why it is public; empty otherwise."""
    protected: bool
    """Whether one of our own requirements stands on it, so that a bad token can be refused early."""
    body_limit: int | None
    """Bytes; None for the default."""
    limits_by_address: tuple[Limit, ...]
    limits_by_user: tuple[Limit, ...]
    path: str
    methods: frozenset[str] | None
    shortcut: Shortcut | None = None
    """How the route answers when the chain has settled what stands on it."""
    overridable: tuple[Any, ...] = ()
    """The applications whose `dependency_overrides` may replace what stands on it."""


class Rules:
    """Compiles the route tree and finds what is unsafe in it.

    Args:
        access: the application's own dependencies that decide about access.
        public: path of a mount, which opens what lives in it, or of a route -> the reason why it is open.
        documents: whether the OpenAPI document may be read by anybody.
        limits: whether anything counts; a declared limit is unreachable without.
        warn_only: whether undeclared routes are served while you migrate.
        direct: knows the way around FastAPI's stack, for routes that the chain has settled.
    """

    def __init__(
        self,
        app: Any,
        *,
        access: Iterable[Callable[..., Any]] = (),
        public: Mapping[str, str] | None = None,
        documents: bool = False,
        limits: bool = True,
        warn_only: bool = False,
        direct: Direct | None = None,
    ) -> None:
        # A tuple: a dependency may be an object without a hash.
        self._access, self._documents, self._limits = tuple(access), documents, limits
        self._warn_only = warn_only
        self._public, self._app = dict(public or {}), app
        self._direct = direct if framework_routers(app) else None
        self.table = Table(app, self._compile)

    @property
    def all(self) -> list[Rule]:
        """Every rule, in matching order, HTTP first."""
        return self.table.values

    @property
    def mounted(self) -> list[Any]:
        """Every application that is mounted somewhere, each once."""
        return list({id(app): app for rule in self.all for _, app in rule.route.within}.values())

    def problems(self) -> list[UnsafeConfiguration]:
        """What must be settled before the application may serve."""
        return [
            *_named(
                [rule for rule in self.all if rule.access == "undeclared" and not self._warn_only],
                what="nobody declared who may call {n}",
                why="a route that nobody declared is open to everybody (OWASP API5:2023)",
                fix='take CurrentUser or Depends(require(role=...)), or mark the endpoint @public("reason"); for a mount '
                'secure(app, public={"/path": "reason"}). FASTNESS_UNDECLARED_ROUTES=warn serves meanwhile.',
            ),
            *_named(
                [rule for rule in self.all if rule.access == "conflict"],
                what="public and yet asking for a caller: {n}",
                why="a reader cannot tell which of the two is meant",
                fix="remove @public or the requirement",
            ),
            *_named(
                [rule for rule in self.all if not self._reached(rule)],
                what="a declared limit that no request can reach, on {n}",
                why="an earlier route answers for the same path, or limits are off, so nothing would be limited",
                fix="register the narrower path first, and leave limits on",
            ),
            *self._unused_public(),
        ]

    def _unused_public(self) -> list[UnsafeConfiguration]:
        return [
            UnsafeConfiguration(
                f"no route answers at {path!r}, which is declared public",
                where="secure(app, public=...)",
                why="a misspelt path leaves the intended one closed, and opens a later one by accident",
                fix="correct the path or remove it",
            )
            for path in self._public
            if not any(self._opens(path, rule.route) for rule in self.all)
        ]

    def _opens(self, declared: str, route: Route) -> bool:
        # A longer path that merely begins so is another one: "/" must open the home page and no mount.
        short = declared.rstrip("/")
        return route.path in {declared, short or declared} or (
            _documentation(route) is None and any(path == short for path, _ in route.within)
        )

    def _compile(self, route: Route) -> Rule:
        limits = [call for call in route.calls if isinstance(call, Limit)]
        bodies = [most for call in route.calls if (most := body_limit_of(call)) is not None]
        access, reason = self._decide(route)
        if access == "inner":
            limits = []
        return Rule(
            route=route,
            access=access,
            reason=reason,
            protected=access != "inner" and any(isinstance(call, Require | OptionalCaller) for call in route.calls),
            body_limit=bodies[-1] if bodies else None,
            limits_by_address=tuple(limit for limit in limits if limit.by == "address"),
            limits_by_user=tuple(limit for limit in limits if limit.by == "user"),
            path=route.path,
            methods=route.methods,
            shortcut=shorten(*route.handler, None if route.within else self._direct)
            if route.handler is not None and access in {"public", "required"}
            else None,
            overridable=self._overridable(route),
        )

    def _overridable(self, route: Route) -> tuple[Any, ...]:
        provider = getattr(route.handler[1], "dependency_overrides_provider", None) if route.handler else None
        apps = {id(app): app for app in (self._app, route.app, provider, *(app for _, app in route.within))}
        return tuple(app for app in apps.values() if hasattr(app, "dependency_overrides"))

    def _decide(self, route: Route) -> tuple[Access, str]:
        if any(chain_of(app) is not None for _, app in route.within):
            return "inner", ""
        reason = public_reason(route.endpoint) or next(
            (why for path, why in self._public.items() if self._opens(path, route)), None
        )
        required = any("access" in provided(call) or call in self._access for call in route.calls)
        if required:
            return ("conflict", "") if reason else ("required", "")
        if reason:
            return "public", reason
        page = _documentation(route)
        if page is not None:
            return ("public", "the OpenAPI document") if page == "openapi" and self._documents else ("off", "")
        return "undeclared", ""

    def _reached(self, rule: Rule) -> bool:
        if not (rule.limits_by_address or rule.limits_by_user):
            return True
        path = _sample(rule.path)
        if path is None or rule.route.kind != "http" or rule.route.asked:
            return self._limits
        return self._limits and any(
            self.table.match({"type": "http", "method": method, "path": path, "headers": [], "query_string": b""})
            is rule
            for method in rule.methods or {"GET"}
        )


class Gate(Quiet):
    """Finds the rule of the route that will answer; an undeclared one gets 403, also when it was added after start."""

    def __init__(self, build: Callable[[], Rules], *, warn_only: bool = False, emit: Sink = silent) -> None:
        self._build, self._warn_only, self._emit = build, warn_only, emit
        self._rules: Rules | None = None

    def current(self) -> Rules:
        """The rules of the route tree as it is now."""
        if self._rules is None or self._rules.table.stale():
            return self.afresh()
        return self._rules

    def afresh(self) -> Rules:
        """The rules, compiled again whatever was known: for the start, where time does not matter."""
        self._rules = self._build()
        return self._rules

    def enter(self, exchange: Exchange, /) -> Awaitable[None] | None:
        """Set `exchange.rule`.

        Raises:
            UndeclaredRoute: nobody declared who may call this route.
            NotFound: a documentation page that is off.
            BadRequest: control characters in the path, which routers and proxies read differently; or a number too long
                for Python, with which Starlette's `{id:int}` would break.
        """
        path = exchange.scope["path"]
        if len(path) > _DIGITS or not path.isprintable():
            _refuse_unreadable(path)
        rules = self._rules
        if rules is None or rules.table.stale():
            rules = self.current()
        rule = rules.table.match(exchange.scope)
        exchange.rule = rule
        if rule is None or rule.access in {"public", "required", "inner"}:
            return None
        if rule.access == "off":
            raise NotFound("a documentation page that is off")
        if self._warn_only and rule.access == "undeclared":
            return None
        event = Event(EventType.SYS_ROUTE_UNDECLARED, level=Level.CRITICAL, details={"route": str(rule.route)})
        self._emit(event)
        raise UndeclaredRoute(f"{rule.route} is {rule.access}")


def _refuse_unreadable(path: str) -> None:
    if _CONTROLS.search(path):
        raise BadRequest("control characters in the path")
    if _NUMBER.search(path):
        raise BadRequest("a number too long to read in the path")


def chain_of(app: Any) -> Any:
    """What `secure` left in an application, or None."""
    return getattr(getattr(app, "state", None), "fastness", None)


def _sample(pattern: str) -> str | None:
    # A path that this pattern takes and no narrower one; None where only code knows (hosts, foreign convertors).
    kinds = {match[1] for match in _PARAMETER.finditer(pattern)}
    if pattern.startswith("//") or not kinds <= _SAMPLES.keys():
        return None
    return _PARAMETER.sub(lambda match: _SAMPLES[match[1]], pattern)


def _documentation(route: Route) -> str | None:
    if getattr(route.endpoint, "__module__", "") != "fastapi.applications":
        return None
    return "openapi" if route.path.endswith(getattr(route.app, "openapi_url", None) or "\0") else "page"


def _named(rules: list[Rule], *, what: str, why: str, fix: str) -> list[UnsafeConfiguration]:
    if not rules:
        return []
    names = [str(rule.route) for rule in rules[:_MOST_NAMED]]
    if len(rules) > _MOST_NAMED:
        names.append(f"and {len(rules) - _MOST_NAMED} more")
    number = f"{len(rules)} route{'s' if len(rules) != 1 else ''}"
    return [UnsafeConfiguration(what.format(n=number), where=", ".join(names), why=why, fix=fix)]
