"""Puts applications together: every route with its full path, guards from every level, parameters and dependencies."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from fastness.checker.evidence.depending import Dependency, Depending
from fastness.checker.evidence.functions import Call, Function
from fastness.checker.evidence.gates import Gate, Gates
from fastness.checker.evidence.guards import Guards
from fastness.checker.evidence.inputs import Inputs
from fastness.checker.evidence.model import Application, Route
from fastness.checker.evidence.own import Own
from fastness.checker.evidence.owners import Owner, Owners
from fastness.checker.evidence.registered import Included, Registered
from fastness.checker.evidence.registrations import Registrar, path_text
from fastness.checker.evidence.scope import Scope
from fastness.checker.evidence.stack import Stack

if TYPE_CHECKING:
    from fastness.checker.evidence.classes import Model
    from fastness.checker.evidence.project import Project

DEEPEST = 12
"""Routers inside routers."""


@dataclass(frozen=True, slots=True)
class _Level:
    """What a route inherits from the applications and routers above it."""

    prefix: str = ""
    dependencies: tuple[Dependency, ...] = ()
    tags: frozenset[str] = frozenset()
    hidden: bool = False
    development: bool = False
    deep: int = 0
    seen: frozenset[int] = field(default=frozenset())


def assembled(project: Project) -> tuple[Application, ...]:
    """All applications of a project."""
    return tuple(Assembly(project).applications())


class Assembly:
    """One run over the owners of a project."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._owners = Owners(project)
        self._given = Registrar(project, self._owners).collect()
        self._depending = Depending(project)
        self._guards = Guards(project, self._depending)
        self._stack = Stack(project, self._given, Gates(project, self._guards))
        self._inputs = Inputs(project, self._depending)
        self._own = Own(project, self._depending)
        self._reached: set[int] = set()

    def applications(self) -> Iterator[Application]:
        """Every application, then what no application reaches: routers that are included in ways nobody can follow."""
        apps = [o for o in self._owners if o.kind == "app"]
        mounted = {
            id(w): o
            for o in self._owners
            for i in self._given.included[id(o)]
            if i.mount
            for w in i.what
            if w.kind == "app"
        }
        built = [self._application(app, mounted.get(id(app))) for app in apps]
        orphans = [o for o in self._owners if o.kind == "router" and id(o) not in self._reached and self._has_routes(o)]
        included = {id(w) for o in self._owners for i in self._given.included[id(o)] for w in i.what}
        roots = [o for o in orphans if id(o) not in included] or orphans
        for orphan in roots:
            host = self._host(orphan, apps)
            routes = tuple(self._routes(orphan, self._inside(orphan, self._root(orphan)), ()))
            routes = tuple(replace(r, placed=False) for r in routes)
            if host is None:
                built.append(self._alone(orphan, routes))
            else:
                index = apps.index(host)
                built[index] = replace(built[index], routes=(*built[index].routes, *routes))
        yield from built

    def _has_routes(self, owner: Owner) -> bool:
        return bool(self._given.routes[id(owner)] or self._given.included[id(owner)])

    def _host(self, orphan: Owner, apps: list[Owner]) -> Owner | None:
        """The nearest application by folder, for a router whose inclusion is not seen."""
        name = orphan.scope.module.name.split(".")

        def near(app: Owner) -> int:
            pairs = zip(name, app.scope.module.name.split("."), strict=False)
            return next((i for i, (a, b) in enumerate(pairs) if a != b), 0)

        real = [a for a in apps if a.call is not None and self._has_routes(a)] or [
            a for a in apps if a.call is not None
        ]
        return max(real, key=near, default=None)

    def _alone(self, owner: Owner, routes: tuple[Route, ...]) -> Application:
        place = owner.call.place if owner.call is not None else self._project.place(owner.scope, owner.scope.node)
        return Application(owner.name, place, routes, total=len(routes), parent="")

    def _root(self, owner: Owner) -> _Level:
        return _Level(seen=frozenset({id(owner)}))

    def _application(self, app: Owner, parent: Owner | None) -> Application:
        self._reached.add(id(app))
        call = app.call
        place = call.place if call is not None else self._project.place(app.scope, app.scope.node)
        middleware = tuple(self._stack.middleware(app))
        gates = [*self._stack.gates(app, middleware)]
        level = replace(self._root(app), dependencies=tuple(self._listed(call)) if call is not None else ())
        level = replace(level, dependencies=(*level.dependencies, *self._class_dependencies(app)))
        # A function that fills the router it is given stands for every router that it was ever given.
        found = {(r.kind, r.path, r.methods, r.place, r.guards): r for r in self._routes(app, level, tuple(gates))}
        routes = tuple(found.values())
        options, unknown = self._options(call)
        secured = self._own.secured(self._given.passed[id(app)])
        if secured is not None:
            routes = tuple(secured.guarded(r) for r in routes)
        return Application(
            name=self._spoken(app),
            place=place,
            routes=routes,
            middleware=middleware,
            options=options,
            unknown=unknown,
            handlers=tuple(dict.fromkeys(name for name, _ in self._given.handlers[id(app)])),
            parent=self._spoken(parent) if parent is not None else None,
            total=len(routes),
            controls=self._own.controls(middleware, secured, self._given.passed[id(app)]),
        )

    def _spoken(self, owner: Owner) -> str:
        module = owner.scope.module.name
        return f"{module}:{owner.name.removeprefix(module).removeprefix('.') or 'app'}"

    def _options(self, call: Call | None) -> tuple[tuple[tuple[str, object], ...], tuple[str, ...]]:
        if call is None:
            return (), ()
        known: list[tuple[str, object]] = []
        unknown: list[str] = []
        for name in call.keywords:
            value = call.value(name)
            if value.known:
                known.append((name, value.constant))
            else:
                unknown.append(name)
        return tuple(known), tuple(unknown)

    def _listed(self, call: Call) -> Iterator[Dependency]:
        yield from self._depending.listed(call.scope, call.arg("dependencies"))

    def _class_dependencies(self, owner: Owner) -> Iterator[Dependency]:
        """What a subclass of APIRouter or FastAPI adds in its own methods."""
        if owner.cls is None:
            return
        for cls in self._project.names.lineage(owner.cls):
            if not isinstance(cls, Scope):
                continue
            for method in cls.every:
                yield from self._depending.within(method)

    def _routes(self, owner: Owner, level: _Level, gates: tuple[Gate, ...]) -> Iterator[Route]:
        if level.deep > DEEPEST:
            return
        for registered in self._given.routes[id(owner)]:
            yield from self._route(registered, level, gates)
        for included in self._given.included[id(owner)]:
            if included.mount:
                yield from self._mounted(included, level)
            else:
                yield from self._included(included, level, gates)

    def _included(self, included: Included, level: _Level, gates: tuple[Gate, ...]) -> Iterator[Route]:
        call = included.call
        for router in included.what:
            if id(router) in level.seen:
                continue
            prefix = path_text(call.value("prefix")) if call.has("prefix") else ""
            inside = _Level(
                level.prefix + prefix,
                (*level.dependencies, *self._listed(call)),
                level.tags | {v.text for v in call.value("tags") if v.text},
                level.hidden or _false(call, "include_in_schema"),
                level.development or self._own.in_development(call),
                level.deep + 1,
                level.seen | {id(router)},
            )
            yield from self._routes(router, self._inside(router, inside), gates)

    def _inside(self, router: Owner, level: _Level) -> _Level:
        """What the routes of a router inherit: what stands around it and what its constructor says."""
        self._reached.add(id(router))
        dependencies = (*level.dependencies, *self._class_dependencies(router))
        call = router.call
        if call is None:
            return replace(level, dependencies=dependencies)
        return replace(
            level,
            prefix=level.prefix + (path_text(call.value("prefix")) if call.has("prefix") else ""),
            dependencies=(*dependencies, *self._listed(call)),
            tags=level.tags | {v.text for v in call.value("tags") if v.text},
            hidden=level.hidden or _false(call, "include_in_schema"),
        )

    def _mounted(self, included: Included, level: _Level) -> Iterator[Route]:
        call = included.call
        for router in included.what:
            if router.kind == "router":
                yield from self._included(replace(included, mount=False), level, ())
        path = level.prefix + path_text(call.value("path", 0))
        what = call.arg("app", 1)
        name = self._project.code(call.scope, what) if what is not None else path
        yield Route(
            path,
            frozenset(),
            "mount",
            name,
            call.place,
            development=level.development or self._own.in_development(call),
        )

    def _route(self, registered: Registered, level: _Level, gates: tuple[Gate, ...]) -> Iterator[Route]:
        call = registered.call
        path = level.prefix + registered.path or "/"
        handler = self._project.function_of(registered.handler) if registered.handler is not None else None
        dependencies = [*level.dependencies, *self._listed(call), *self._wrapper(registered)]
        if handler is not None:
            dependencies += self._depending.of_handler(handler)
        guards = self._guards.around(handler, dependencies)
        guards += [gate.guard for gate in gates if gate.covers(path) and registered.kind == "http"]
        yield Route(
            path=path,
            methods=registered.methods,
            kind=registered.kind,
            name=handler.name if handler is not None else self._named(registered),
            place=handler.place if handler is not None else call.place,
            handler=handler,
            guards=tuple(dict.fromkeys(guards)),
            parameters=self._inputs.of(handler, dependencies, path, registered.kind) if handler is not None else (),
            dependencies=tuple(self._depending.functions(dependencies)),
            public=self._own.public(registered.methods, path, handler),
            response=self._response(call, handler),
            hidden=level.hidden or _false(call, "include_in_schema"),
            tags=level.tags | {v.text for v in call.value("tags") if v.text},
            development=level.development or self._own.in_development(call),
        )

    def _wrapper(self, registered: Registered) -> Iterator[Dependency]:
        """What a home-made route decorator adds by itself."""
        target = registered.call.target
        if target is None or registered.handler is None:
            return
        yield from self._depending.within(target.scope)

    def _named(self, registered: Registered) -> str:
        endpoint = registered.endpoint
        return self._project.code(registered.call.scope, endpoint) if endpoint is not None else registered.path

    def _response(self, call: Call, handler: Function | None) -> Model | None:
        given = call.arg("response_model")
        if given is not None:
            models = self._project.models_in(call.scope, given)
            return models[0] if models else None
        if handler is not None and handler.node.returns is not None:
            models = self._project.models_in(handler.scope.parent or handler.scope, handler.node.returns)
            return models[0] if models else None
        return None


def _false(call: Call, name: str) -> bool:
    return call.has(name) and call.value(name).constant is False
