"""The route model that rules see: static reconstruction and loaded application merged into one.

Every fact says where it comes from, so that a finding can be argued about.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from fastness.checker.finding import Place

if TYPE_CHECKING:
    from fastness.checker.evidence.classes import Model
    from fastness.checker.evidence.functions import Function

Kind = Literal["http", "websocket", "mount"]
Duty = Literal["access", "role", "owner", "limits", "csrf", "signature", "origin"]
"""access: somebody must prove who they are. role: a role, scope or permission is asked for. signature: a webhook's or
capability token's proof."""


@dataclass(frozen=True, slots=True)
class Guard:
    """One thing that stands before a route."""

    duty: Duty
    how: str
    """For people: `dependency get_current_user`, `middleware AuthMiddleware`, `check in the handler's body`."""
    place: Place | None = None
    optional: bool = False
    """Lets strangers pass, as an optional user does."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One input of a route, dependencies' inputs included."""

    name: str
    source: Literal["path", "query", "header", "cookie", "body", "form", "file"]
    annotation: str = ""
    """As written, aliases resolved: `int`, `list[str]`, `UploadFile`."""
    model: Model | None = None
    """The Pydantic model of a body, or of a query, form or header model."""
    required: bool = True
    bounds: tuple[tuple[str, object], ...] = ()
    """`(("ge", 1), ("le", 100))`, from Field, Query, Annotated and constrained types; values None when not constant."""
    place: Place | None = None

    def bound(self, *names: str) -> object | None:
        """The first of these bounds that is set."""
        return next((value for key, value in self.bounds if key in names), None)


@dataclass(frozen=True, slots=True)
class Route:
    """One route as a client sees it."""

    path: str
    """From the application's root: `/users/{user_id}`."""
    methods: frozenset[str]
    """Empty for WebSockets and mounts."""
    kind: Kind
    name: str
    """Qualified name of the handler: `app.api.users.read_user`."""
    place: Place
    """The handler's function, decorators included."""
    handler: Function | None = None
    """Its source, where it is known."""
    guards: tuple[Guard, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    dependencies: tuple[Function, ...] = ()
    """Source of every dependency in the merged tree, outermost first."""
    public: str | None = None
    """The reason why it is declared public, by code or configuration; None when it is not."""
    response: Model | None = None
    """The response model, where there is one."""
    hidden: bool = False
    """Not in the OpenAPI document."""
    tags: frozenset[str] = frozenset()
    seen: frozenset[Literal["static", "loaded"]] = frozenset({"static"})
    placed: bool = True
    """False for a route of a router whose inclusion nobody could follow: its prefix and outer guards are not known."""
    development: bool = False
    """Registered only under a test that development passes."""

    def __str__(self) -> str:
        return f"{','.join(sorted(self.methods)) or self.kind.upper()} {self.path}"

    @property
    def writes(self) -> bool:
        """Whether a method of it may change state."""
        return bool(self.methods - {"GET", "HEAD", "OPTIONS"})

    def guarded(self, duty: Duty = "access") -> bool:
        """Whether a guard with this duty stops strangers."""
        return any(guard.duty == duty and not guard.optional for guard in self.guards)


@dataclass(frozen=True, slots=True)
class Middleware:
    """One middleware, as added. Options hold what could be evaluated."""

    name: str
    """Dotted name of the class: `fastapi.middleware.cors.CORSMiddleware`."""
    place: Place
    options: tuple[tuple[str, object], ...] = ()


@dataclass(frozen=True, slots=True)
class Application:
    """One `FastAPI()` (or subclass) of the project with all that is mounted into it."""

    name: str
    """`app.main:app`, or the factory: `app.main:create_app`."""
    place: Place
    routes: tuple[Route, ...] = ()
    middleware: tuple[Middleware, ...] = ()
    options: tuple[tuple[str, object], ...] = ()
    """Keyword arguments of the constructor that could be evaluated; the others are in `unknown`."""
    unknown: tuple[str, ...] = ()
    handlers: tuple[str, ...] = ()
    """Names of exceptions with a handler."""
    parent: str | None = None
    """The application that mounts this one."""
    loaded: bool = False
    total: int = 0
    """How many routes it has by count, to compare with `routes`."""
    controls: frozenset[str] = field(default=frozenset())
    """Catalogue entries provided for all of its routes (`secure(app)`, known packages, gateway duties)."""
