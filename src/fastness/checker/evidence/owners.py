"""Applications and routers: where each is made, and which one an expression means."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from fastness.checker.evidence.found import External, Instance, Parameter, Variable
from fastness.checker.evidence.functions import Call
from fastness.checker.evidence.scope import Scope

if TYPE_CHECKING:
    from fastness.checker.evidence.project import Project

DEEP = 10
APPS = ("fastapi.FastAPI", "FastAPI", "starlette.applications.Starlette", "Starlette", "FastAPIOffline")
ROUTERS = ("fastapi.APIRouter", "APIRouter", "starlette.routing.Router", "InferringRouter", "SocketRouter")
_LIKE_ROUTER = re.compile(r"(Router|RouterBase)$")
_LIKE_APP = re.compile(r"FastAPI|FastApi")
_NAMED = re.compile(r"(^|_)(app|api|router|routes|application)s?\d*$|router", re.IGNORECASE)


@dataclass(slots=True, eq=False)
class Owner:
    """Something that routes are registered with."""

    kind: Literal["app", "router"]
    name: str
    """Dotted name of the variable that holds it, or of the function that makes it."""
    scope: Scope
    call: Call | None
    """Its constructor; None for one that is only known by its name."""
    cls: Scope | None = None
    """Its class, when it is the project's."""


class Owners:
    """All applications and routers of a project."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._by_call: dict[int, Owner] = {}
        self._by_name: dict[str, Owner] = {}
        self._known: dict[tuple[int, int], tuple[Owner, ...]] = {}
        for call in self._constructed():
            self._add(call)

    def __iter__(self) -> Iterator[Owner]:
        yield from self._by_call.values()
        yield from self._by_name.values()

    def _constructed(self) -> Iterator[Call]:
        names = {"FastAPI", "APIRouter", "Starlette", "Router", "FastAPIOffline", "InferringRouter"}
        for cls in self._project.classes(*APPS, *ROUTERS, kinds=KINDS):
            names.add(cls.short)
        for name in list(self._project.called_words):
            if _LIKE_ROUTER.search(name) or _LIKE_APP.search(name):
                names.add(name)
        yield from self._project.calls(*sorted(names), kinds=KINDS)

    def _add(self, call: Call) -> None:
        found = self._project.names.resolve(call.scope, call.node.func)
        last = call.name.rpartition(".")[2]
        own = found if isinstance(found, Scope) and found.kind == "class" else None
        if own is not None:
            kind = (
                "app"
                if self._project.names.is_a(own, *APPS)
                else "router"
                if self._project.names.is_a(own, *ROUTERS)
                else None
            )
        elif isinstance(found, Scope):
            kind = None
        else:
            kind = (
                "app" if _LIKE_APP.search(last) else "router" if _LIKE_ROUTER.search(last) or last in ROUTERS else None
            )
            kind = "app" if last == "Starlette" else kind
        if kind is None or call.skipped:
            return
        self._by_call[id(call.node)] = Owner(
            "app" if kind == "app" else "router", self._variable(call), call.scope, call, own
        )

    def _variable(self, call: Call) -> str:
        for name, assignments in call.scope.assigned.items():
            if any(a.value is call.node for a in assignments):
                return f"{call.scope.name}.{name}"
        return call.scope.name

    def of(self, scope: Scope, expr: ast.expr, deep: int = 0) -> tuple[Owner, ...]:
        """The applications or routers that `expr` may be."""
        key = (id(scope), id(expr))
        if deep > DEEP:
            return ()
        if key not in self._known:
            self._known[key] = ()
            self._known[key] = tuple(dict.fromkeys(self._of(scope, expr, deep + 1)))
        return self._known[key]

    def _of(self, scope: Scope, expr: ast.expr, deep: int) -> Iterator[Owner]:
        match expr:
            case ast.Call():
                yield from self._of_call(scope, expr, deep)
            case ast.Name(id=name):
                found = self._project.names.lookup(scope, name)
                if isinstance(found, Variable) and found.scope is scope:
                    found = _bound_at(found, expr.lineno)
                yield from self._of_found(found, deep)
            case ast.Attribute():
                yield from self._of_found(self._project.names.resolve(scope, expr), deep)
            case ast.IfExp(body=body, orelse=orelse):
                yield from self.of(scope, body, deep)
                yield from self.of(scope, orelse, deep)
            case ast.Await(value=value) | ast.NamedExpr(value=value) | ast.Starred(value=value):
                yield from self.of(scope, value, deep)
            case (
                ast.BoolOp(values=elements)
                | ast.List(elts=elements)
                | ast.Tuple(elts=elements)
                | ast.Set(elts=elements)
            ):
                for element in elements:
                    yield from self.of(scope, element, deep)
            case ast.Dict(keys=keys, values=elements):
                for element in (*(k for k in keys if k is not None), *elements):
                    yield from self.of(scope, element, deep)
            case ast.BinOp(left=left, right=right):
                yield from self.of(scope, left, deep)
                yield from self.of(scope, right, deep)
            case _:
                return

    def _of_call(self, scope: Scope, call: ast.Call, deep: int) -> Iterator[Owner]:
        own = self._by_call.get(id(call))
        if own is not None:
            yield own
            return
        if isinstance(call.func, ast.Attribute) and call.func.attr in {"items", "values", "get", "pop"}:
            yield from self.of(scope, call.func.value, deep)
            return
        if isinstance(call.func, ast.Name) and call.func.id in {
            "enumerate",
            "zip",
            "reversed",
            "sorted",
            "list",
            "tuple",
        }:
            for argument in call.args:
                yield from self.of(scope, argument, deep)
            return
        found = self._project.names.resolve(scope, call.func)
        target = (
            found if isinstance(found, Scope) and found.kind == "function" else self._project.names.called(scope, call)
        )
        if target is not None and target.short != "__init__":
            returned = False
            for value in self._project.function_of(target).returns:
                for owner in self.of(target, value, deep):
                    returned = True
                    yield owner
            if not returned:
                # `app = setup(app)`: what goes in comes out.
                for argument in call.args:
                    yield from self.of(scope, argument, deep)
        elif target is None and isinstance(found, External):
            # A wrapper around the application: `SentryAsgiMiddleware(app)`, `VersionedFastAPI(app)`.
            for argument in call.args[:1]:
                yield from self.of(scope, argument, deep)

    def _of_found(self, found: object, deep: int) -> Iterator[Owner]:
        match found:
            case Variable(scope, _, assignments):
                some = False
                for assignment in assignments:
                    if assignment.value is not None:
                        for owner in self.of(scope, assignment.value, deep):
                            some = True
                            yield owner
                if not some:
                    yield from self._listed(found)
            case Parameter(scope, arg):
                yield from self._passed(scope, arg, deep)
            case Instance(of) if isinstance(of, Scope):
                yield from (
                    o for o in self._by_call.values() if o.cls is not None and self._project.names.is_a(o.cls, of.name)
                )
            case _:
                return

    def _listed(self, found: Variable) -> Iterator[Owner]:
        """A list that is filled by `routers.append(router)`."""
        if not any(isinstance(a.value, (ast.List, ast.Dict)) for a in found.assignments):
            return
        for call in found.scope.calls:
            func = call.func
            if (
                isinstance(func, ast.Attribute)
                and func.attr in {"append", "extend"}
                and isinstance(func.value, ast.Name)
                and func.value.id == found.name
                and call.args
            ):
                yield from self.of(found.scope, call.args[0], 2)

    def _passed(self, scope: Scope, arg: ast.arg, deep: int) -> Iterator[Owner]:
        """What callers give for a parameter."""
        if deep > DEEP - 2:
            return
        function = self._project.function_of(scope)
        names = [a.arg for a in function.parameters]
        if arg.arg not in names:
            return
        some = False
        for call in function.callers():
            given = call.arg(arg.arg, names.index(arg.arg))
            if given is not None and call.module.kind in KINDS:
                for owner in self.of(call.scope, given, deep + 1):
                    some = True
                    yield owner
        if not some and arg.annotation is not None:
            kind = self._project.names.annotated(scope.parent or scope, arg.annotation)
            apps = [o for o in self._by_call.values() if o.kind == "app"]
            if kind is not None and self._project.names.is_a(kind, *APPS) and len(apps) == 1:
                yield apps[0]

    def named(self, scope: Scope, expr: ast.expr) -> Owner | None:
        """A stand-in for a router that only its name shows: made by a library, or in a way that nobody can follow."""
        word = expr.attr if isinstance(expr, ast.Attribute) else getattr(expr, "id", "")
        if not _NAMED.search(word):
            return None
        name = self._project.names.dotted(scope, expr)
        if name not in self._by_name:
            kind = self._project.names.kind(scope, expr)
            app = kind is not None and self._project.names.is_a(kind, *APPS)
            self._by_name[name] = Owner("app" if app else "router", name, scope, None)
        return self._by_name[name]


def _bound_at(found: Variable, line: int) -> Variable:
    """The bindings that hold at a line: from the last one that no branch surrounds."""
    before = [a for a in found.assignments if getattr(a.node, "lineno", 0) <= line]
    if len(found.assignments) < 2 or not before:  # noqa: PLR2004
        return found
    outermost = min(getattr(a.node, "col_offset", 0) for a in found.assignments)
    start = max((i for i, a in enumerate(before) if getattr(a.node, "col_offset", 0) == outermost), default=0)
    return Variable(found.scope, found.name, tuple(before[start:]))


KINDS: tuple[Literal["code", "example", "script"], ...] = ("code", "example", "script")
