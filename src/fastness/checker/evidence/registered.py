"""What was registered where: routes, routers, middleware and handlers, each under its application or router."""

from __future__ import annotations

import ast
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Literal

from fastness.checker.evidence.functions import Call
from fastness.checker.evidence.owners import Owner
from fastness.checker.evidence.scope import Scope


@dataclass(frozen=True, slots=True, eq=False)
class Registered:
    """One route, as the source registers it."""

    path: str
    methods: frozenset[str]
    kind: Literal["http", "websocket"]
    call: Call
    """The decorator or call that registers; its keywords are the route's options."""
    handler: Scope | None
    endpoint: ast.expr | None = None
    """The handler as written, where it is passed as an argument."""


@dataclass(frozen=True, slots=True, eq=False)
class Included:
    """One `include_router` or `mount`."""

    what: tuple[Owner, ...]
    call: Call
    mount: bool = False


@dataclass(slots=True, eq=False)
class Registrations:
    """What each owner was given."""

    routes: dict[int, list[Registered]] = field(default_factory=lambda: defaultdict(list))
    included: dict[int, list[Included]] = field(default_factory=lambda: defaultdict(list))
    middleware: dict[int, list[Call]] = field(default_factory=lambda: defaultdict(list))
    functions: dict[int, list[Scope]] = field(default_factory=lambda: defaultdict(list))
    """Functions that `@app.middleware("http")` decorates."""
    handlers: dict[int, list[tuple[str, Scope | None]]] = field(default_factory=lambda: defaultdict(list))
    """Exception names with their handlers."""
    passed: dict[int, list[Call]] = field(default_factory=lambda: defaultdict(list))
    """Calls that an application is an argument of: `secure(app)`, `Instrumentator().instrument(app)`."""
