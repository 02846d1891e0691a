"""One route model from two: what the source says and what the loaded application holds.

A route seen by both is one route with the facts of both. The loaded tree decides which routes there are and where they
answer; the source knows their code.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from fastness.checker.evidence.loaded import Loaded
from fastness.checker.evidence.model import Application, Duty, Guard, Middleware, Parameter, Route
from fastness.checker.evidence.mounted import UNKNOWN, mounted_in, overlap, plain_path
from fastness.checker.finding import Place

if TYPE_CHECKING:
    from fastness.checker.evidence.classes import Model
    from fastness.checker.evidence.functions import Function

_MAKES = re.compile(r"=\s*[\w.]*\b(?:FastAPI|Starlette)\(")
_DUTIES: Mapping[str, Duty] = {"access": "access", "limits": "limits", "csrf": "csrf"}


class Sources(Protocol):
    """Finds the code of what was loaded."""

    def function_at(self, place: Place) -> Function | None:
        """The function written there."""
        ...

    def model_at(self, place: Place) -> Model | None:
        """The model written there."""
        ...

    def guards_of(self, handler: Function) -> tuple[Guard, ...]:
        """What its parameters and its body guard, wherever it is registered."""
        ...


@dataclass(frozen=True, slots=True)
class NoSources:
    """Knows no code, as when only the loaded application is judged."""

    def function_at(self, place: Place) -> None:
        """Nothing is found."""
        del place

    def model_at(self, place: Place) -> None:
        """Nothing is found."""
        del place

    def guards_of(self, handler: Function) -> tuple[Guard, ...]:
        """Nothing is found."""
        del handler
        return ()


def merge(static: Iterable[Application], loaded: Loaded, sources: Sources | None = None) -> tuple[Application, ...]:
    """The applications of a project after one of them was loaded; the loaded one takes the place of its static twin.

    What is mounted into it is part of it: its routes stand there, at their whole paths, and no longer in its own row.
    `total` of the loaded application counts every route that either side saw; `routes` holds the same ones.
    """
    applications = tuple(static)
    sources = sources or NoSources()
    seen = application_of(loaded, sources)
    twin = _twin(applications, seen, loaded)
    if twin is None:
        return (*applications, replace(seen, routes=tuple(_joined(seen.routes, (), sources))))
    known = mounted_in(twin, applications, seen.routes)
    routes = tuple(_joined(seen.routes, known.routes, sources))
    one = replace(
        twin,
        routes=routes,
        middleware=_middleware_of(twin, seen),
        options=tuple({**dict(twin.options), **dict(seen.options)}.items()),
        unknown=tuple(name for name in twin.unknown if name not in dict(seen.options)),
        handlers=tuple(dict.fromkeys([*twin.handlers, *seen.handlers])),
        loaded=True,
        total=len(routes),
        controls=twin.controls | seen.controls,
    )
    # What is mounted answers through the loaded one, which has its routes now.
    inside = {a.name: replace(a, routes=(), loaded=True, total=0) for a in applications if a.name in known.names}
    return tuple(one if a is twin else inside.get(a.name, a) for a in applications)


def application_of(loaded: Loaded, sources: Sources) -> Application:
    """The loaded application alone, with what is mounted into it."""
    described = loaded.description
    main = described["apps"][0]
    found = [_route(each, loaded, sources) for each in described["routes"] if not _own(each)]
    place = _made(loaded) or next((r.place for r in found if r.place.path), Place(loaded.target.partition(":")[0], 1))
    routes = tuple(r if r.place.path else replace(r, place=place) for r in found)
    fastness = described.get("fastness") or {}
    return Application(
        loaded.target,
        place,
        routes,
        tuple(
            Middleware(
                f"{each['module']}.{each['qualname']}", loaded.place(each) or place, tuple(each["options"].items())
            )
            for each in main["middleware"]
        ),
        tuple(main["options"].items()),
        handlers=tuple(main["handlers"]),
        loaded=True,
        total=len(routes),
        controls=frozenset(fastness.get("on", ())),
    )


def _made(loaded: Loaded) -> Place | None:
    """The line of the target's module that makes the application; its first line where a function elsewhere does."""
    module = loaded.target.partition(":")[0].replace(".", "/")
    found = (f"{base}{module}{end}" for base in ("", "src/") for end in (".py", "/__init__.py"))
    for path in (f"{loaded.inside}/{each}".lstrip("/") for each in found):
        file = loaded.scratch.tree / path
        if file.is_file():
            lines = file.read_text("utf-8", "replace").splitlines()
            return Place(path, next((n for n, line in enumerate(lines, 1) if _MAKES.search(line)), 1))
    return None


def _own(described: Mapping[str, Any]) -> bool:
    """Whether it is a page of FastAPI itself, as `/docs` is; rules ask the application's options for those."""
    return bool(described["module"] == "fastapi.applications" and described["kind"] == "http")


def _route(described: Mapping[str, Any], loaded: Loaded, sources: Sources) -> Route:
    place = loaded.place(described)
    dependencies = [(each, loaded.place(each)) for each in described["dependencies"]]
    functions = [sources.function_at(at) for _, at in dependencies if at is not None]
    models = [model for each in described["response"] if (model := _model(each, loaded, sources)) is not None]
    module = described["module"]
    return Route(
        described["path"],
        frozenset(described["methods"]) - ({"HEAD"} if "GET" in described["methods"] else frozenset()),
        described["kind"],
        f"{module}.{described['qualname']}" if module else described["qualname"],
        place or Place("", 0),
        sources.function_at(place) if place is not None else None,
        tuple(guard for each, at in dependencies for guard in _guards(each, at)),
        tuple(_parameter(each, loaded, sources) for each in described["parameters"]),
        tuple(function for function in functions if function is not None),
        described["public"],
        models[0] if models else None,
        not described["schema"],
        frozenset(described["tags"]),
        frozenset({"loaded"}),
    )


def _guards(described: Mapping[str, Any], place: Place | None) -> Iterator[Guard]:
    scheme, name = described["scheme"], described["of"] or described["qualname"]
    if scheme is not None and "access" not in described["provides"]:
        # What a class of the application's own does with a stranger, its name does not tell.
        optional = not scheme["auto_error"] or scheme["own"]
        yield Guard("access", f"security scheme {scheme['class']}", place, optional=optional)
    for control in described["provides"]:
        if control in _DUTIES:
            yield Guard(_DUTIES[control], f"dependency {name}", place)
    if described["scopes"]:
        yield Guard("role", f"scopes {', '.join(described['scopes'])}", place)


def _parameter(described: Mapping[str, Any], loaded: Loaded, sources: Sources) -> Parameter:
    models = [model for each in described["models"] if (model := _model(each, loaded, sources)) is not None]
    return Parameter(
        described["name"],
        described["source"],
        described["type"],
        models[0] if models else None,
        required=described["required"],
        bounds=tuple((name, value) for name, value in described["bounds"]),
    )


def _model(described: Mapping[str, Any], loaded: Loaded, sources: Sources) -> Model | None:
    place = loaded.place(described)
    return sources.model_at(place) if place is not None else None


def _twin(applications: tuple[Application, ...], seen: Application, loaded: Loaded) -> Application | None:
    """The static application that was loaded: by its name, else by the handlers that both have."""
    named = ".".join([*filter(None, loaded.inside.split("/")), loaded.target])
    for each in applications:
        if each.name in {named, loaded.target, loaded.target.removeprefix("src.")}:
            return each
    handlers = {(route.place.path, route.place.line) for route in seen.routes}
    common: Callable[[Application], int] = lambda a: sum((r.place.path, r.place.line) in handlers for r in a.routes)  # noqa: E731
    best = max((a for a in applications if a.parent is None), key=common, default=None)
    return best if best is not None and common(best) else None


def _joined(loaded: Iterable[Route], static: Iterable[Route], sources: Sources) -> Iterator[Route]:
    left: dict[tuple[str, str], list[Route]] = {}
    vague = list[Route]()
    for route in static:
        if UNKNOWN in route.path and route.kind != "mount":
            vague.append(route)
        else:
            left.setdefault((route.kind, plain_path(route.path)), []).append(route)
    for route in loaded:
        there = left.get((route.kind, plain_path(route.path)), [])
        twin = next((r for r in there if _same(r, route)), None)
        if twin is None:
            # Part of its path comes from where the source cannot look; its handler does not.
            there, twin = vague, next((r for r in vague if _same_handler(r, route)), None)
        if twin is None:
            # How it came here the source does not show; what its handler asks for, it does.
            more = sources.guards_of(route.handler) if route.handler is not None else ()
            yield replace(route, guards=(*route.guards, *(g for g in more if g not in route.guards)))
            continue
        there.remove(twin)
        yield _one(twin, route)
    # Routes that only the source shows: mounted in another environment, or by a branch that was not taken.
    yield from (route for there in (*left.values(), vague) for route in there)


def _same_handler(static: Route, loaded: Route) -> bool:
    here = static.place.path == loaded.place.path and overlap(static.place, loaded.place)
    return here and static.kind == loaded.kind and bool(static.methods & loaded.methods or not loaded.methods)


def _same(static: Route, loaded: Route) -> bool:
    if static.methods and loaded.methods and not static.methods & loaded.methods:
        return False
    # Two handlers behind one path and method: the first answers. A handler of a library has no place of its own.
    return static.place.path != loaded.place.path or overlap(static.place, loaded.place) or loaded.handler is None


def _one(static: Route, loaded: Route) -> Route:
    known = {(guard.duty, guard.place) for guard in static.guards}
    # What the source judged (a scheme that lets strangers pass, say) stands; the tree adds what the source did not see.
    more = [guard for guard in loaded.guards if (guard.duty, guard.place) not in known and not _library(guard, static)]
    named = {(p.name, p.source): p for p in loaded.parameters}
    parameters = [_bounded(p, named.pop((p.name, p.source), None)) for p in static.parameters]
    return replace(
        static,
        path=loaded.path,
        methods=loaded.methods or static.methods,
        guards=(*static.guards, *more),
        parameters=(*parameters, *named.values()),
        dependencies=static.dependencies or loaded.dependencies,
        public=static.public or loaded.public,
        response=static.response or loaded.response,
        hidden=loaded.hidden,
        tags=static.tags | loaded.tags,
        seen=frozenset({"static", "loaded"}),
    )


def _library(guard: Guard, static: Route) -> bool:
    """Whether it is a bare scheme of FastAPI on a route whose dependency the source has judged already."""
    return guard.place is None and any(each.duty == guard.duty for each in static.guards)


def _bounded(static: Parameter, loaded: Parameter | None) -> Parameter:
    if loaded is None:
        return static
    bounds = {**dict(loaded.bounds), **{name: value for name, value in static.bounds if value is not None}}
    return replace(static, bounds=tuple(bounds.items()), required=loaded.required)


def _middleware_of(static: Application, loaded: Application) -> tuple[Middleware, ...]:
    """The loaded stack, each entry where the source adds it."""
    places = {each.name.rpartition(".")[2]: each.place for each in static.middleware}
    return (
        tuple(replace(each, place=places.get(each.name.rpartition(".")[2], each.place)) for each in loaded.middleware)
        or static.middleware
    )
