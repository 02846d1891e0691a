"""Every place where a route, router, mount, middleware or error handler is given to an application or router."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from fastness.checker.evidence.functions import Call
from fastness.checker.evidence.owners import KINDS, Owner, Owners
from fastness.checker.evidence.registered import Included, Registered, Registrations
from fastness.checker.evidence.scope import Scope
from fastness.checker.evidence.value import Value
from fastness.checker.evidence.walking import walk
from fastness.checker.evidence.written import written

if TYPE_CHECKING:
    from fastness.checker.evidence.project import Project

VERBS = frozenset({"get", "post", "put", "patch", "delete", "head", "options", "trace"})
_ROUTES = VERBS | {"api_route", "route", "websocket", "websocket_route"}
_ADDING = {
    "add_api_route": "http",
    "add_route": "http",
    "add_api_websocket_route": "websocket",
    "add_websocket_route": "websocket",
}
_LISTED = {"Route": "http", "APIRoute": "http", "WebSocketRoute": "websocket", "APIWebSocketRoute": "websocket"}


class Registrar:
    """Collects registrations."""

    def __init__(self, project: Project, owners: Owners) -> None:
        self._project = project
        self._owners = owners
        self.found = Registrations()
        self._told: set[tuple[int, int, str]] = set()

    def collect(self) -> Registrations:
        """All of them."""
        for scope in self._project.scopes(KINDS):
            if scope.kind == "function":
                self._decorated(scope)
            for node in scope.calls:
                if isinstance(node.func, ast.Call):
                    self._curried(scope, node, node.func)
                elif isinstance(node.func, ast.Attribute):
                    self._called(scope, node, node.func)
                elif node.args and isinstance(node.func, ast.Name):
                    self._given(scope, node)
        for owner in list(self._owners):
            if owner.call is not None:
                self._constructed(owner, owner.call)
        return self.found

    def _holders(self, scope: Scope, expr: ast.expr) -> tuple[Owner, ...]:
        owners = self._owners.of(scope, expr)
        if owners:
            return owners
        named = self._owners.named(scope, expr)
        return (named,) if named is not None else ()

    def _decorated(self, handler: Scope) -> None:
        scope = handler.parent or handler
        for expr in getattr(handler.node, "decorator_list", ()):
            if not isinstance(expr, ast.Call):
                continue
            if isinstance(expr.func, ast.Attribute):
                self._decorator(scope, expr, expr.func, handler)
            self._wrapped(scope, expr, handler)

    def _decorator(self, scope: Scope, expr: ast.Call, func: ast.Attribute, handler: Scope) -> None:
        call = self._project.call_of(scope, expr)
        if func.attr in _ROUTES:
            path = call.arg("path", 0)
            if path is None:
                return
            for owner in self._holders(scope, func.value):
                self._route(owner, func.attr, path, call, handler)
        elif func.attr == "middleware":
            for owner in self._holders(scope, func.value):
                self.found.functions[id(owner)].append(handler)
        elif func.attr == "exception_handler" and expr.args:
            for owner in self._holders(scope, func.value):
                name = self._project.names.dotted(scope, expr.args[0]) or written(expr.args[0])
                self.found.handlers[id(owner)].append((name, handler))

    def _wrapped(self, scope: Scope, expr: ast.Call, handler: Scope) -> None:
        """`@scoped(router.get, "/path", ...)`: a decorator that is given the router's."""
        for argument in (*expr.args, *(k.value for k in expr.keywords)):
            if isinstance(argument, ast.Attribute) and argument.attr in _ROUTES:
                path = next((a for a in expr.args if self._project.value(scope, a).text.startswith("/")), None)
                path = path or next((k.value for k in expr.keywords if k.arg == "path"), None)
                for owner in self._owners.of(scope, argument.value) if path is not None else ():
                    assert path is not None  # noqa: S101 - tested above
                    self._route(owner, argument.attr, path, self._project.call_of(scope, expr), handler)

    def _route(  # noqa: PLR0917
        self,
        owner: Owner,
        word: str,
        path: ast.expr,
        call: Call,
        handler: Scope | None,
        endpoint: ast.expr | None = None,
    ) -> None:
        websocket = "websocket" in word
        kind: Literal["http", "websocket"] = "websocket" if websocket else "http"
        methods = frozenset() if websocket else self._methods(word, call)
        text = path_text(self._project.value(call.scope, path))
        if word in VERBS and text and not text.startswith(("/", "{")) and owner.call is None:
            return  # `client.get("name")` on something that is no router
        registered = Registered(text, methods, kind, call, handler, endpoint)
        key = (id(owner), id(call.node), text)
        if key not in self._told:
            self._told.add(key)
            self.found.routes[id(owner)].append(registered)

    def _methods(self, word: str, call: Call) -> frozenset[str]:
        if word in VERBS:
            return frozenset({word.upper()})
        given = call.value("methods")
        texts = {v.text.upper() for v in given if v.text}
        return frozenset(texts or {"GET"})

    def _curried(self, scope: Scope, node: ast.Call, inner: ast.Call) -> None:
        """`app.middleware("http")(function)`, `router.get("/path")(function)`: a decorator without its sign."""
        func = inner.func
        if not isinstance(func, ast.Attribute) or not node.args:
            return
        handler = self._project.names.runs(self._project.names.resolve(scope, node.args[0]))
        if handler is not None:
            self._decorator(scope, inner, func, handler)

    def _called(self, scope: Scope, node: ast.Call, func: ast.Attribute) -> None:
        word = func.attr
        if word in _ADDING:
            call = self._project.call_of(scope, node)
            path, endpoint = call.arg("path", 0), call.arg("endpoint", "route", 1)
            if path is not None and not _passes_on(scope, word, path):
                found = self._project.names.resolve(scope, endpoint) if endpoint is not None else None
                handler = self._project.names.runs(found)
                for owner in self._holders(*self._added_to(call, func.value)):
                    self._route(
                        owner, _ADDING[word] if "websocket" in word else "api_route", path, call, handler, endpoint
                    )
        elif word in {"include_router", "mount"}:
            self._include(scope, node, func)
        elif word == "add_middleware":
            for owner in self._holders(scope, func.value):
                self.found.middleware[id(owner)].append(self._project.call_of(scope, node))
        elif word == "add_exception_handler" and node.args:
            for owner in self._holders(scope, func.value):
                name = self._project.names.dotted(scope, node.args[0]) or written(node.args[0])
                handler = (
                    self._project.names.runs(self._project.names.resolve(scope, node.args[1]))
                    if len(node.args) > 1
                    else None
                )
                self.found.handlers[id(owner)].append((name, handler))
        elif node.args:
            self._given(scope, node)

    def _added_to(self, call: Call, receiver: ast.expr) -> tuple[Scope, ast.expr]:
        """What a route is added to: where a method of the project's own passes it on, what that one adds it to."""
        target = call.target
        for inner in target.calls() if target is not None else ():
            func = inner.node.func
            if not isinstance(func, ast.Attribute) or func.attr not in _ADDING:
                continue
            # A router's own class that overrides the method adds to itself.
            inherited = isinstance(func.value, ast.Call) and getattr(func.value.func, "id", "") == "super"
            return (call.scope, receiver) if inherited else (inner.scope, func.value)
        return call.scope, receiver

    def _given(self, scope: Scope, node: ast.Call) -> None:
        for argument in (*node.args, *(k.value for k in node.keywords)):
            if isinstance(argument, (ast.Name, ast.Attribute)):
                for owner in self._owners.of(scope, argument) if self._likely(argument) else ():
                    if owner.kind == "app":
                        self.found.passed[id(owner)].append(self._project.call_of(scope, node))

    @staticmethod
    def _likely(argument: ast.Name | ast.Attribute) -> bool:
        word = argument.id if isinstance(argument, ast.Name) else argument.attr
        return "app" in word.lower() or "api" in word.lower()

    def _include(self, scope: Scope, node: ast.Call, func: ast.Attribute) -> None:
        call = self._project.call_of(scope, node)
        mount = func.attr == "mount"
        what = call.arg("app", 1) if mount else call.arg("router", 0)
        if what is None:
            return
        owners = self._owners.of(scope, what)
        if not owners and not mount and isinstance(what, (ast.Name, ast.Attribute)):
            named = self._owners.named(scope, what)
            owners = (named,) if named is not None else ()
        for holder in self._holders(scope, func.value):
            if not any(i.call.node is node for i in self.found.included[id(holder)]):
                self.found.included[id(holder)].append(Included(owners, call, mount))

    def _constructed(self, owner: Owner, call: Call) -> None:
        routes = call.arg("routes")
        if routes is not None:
            self._listed(owner, call.scope, routes)
        middleware = call.arg("middleware")
        if middleware is not None:
            for scope, node in self._calls_in(call.scope, middleware):
                self.found.middleware[id(owner)].append(self._project.call_of(scope, node))
        handlers = call.arg("exception_handlers")
        if handlers is not None:
            for key in self._keys(call.scope, handlers):
                self.found.handlers[id(owner)].append((key, None))

    def _keys(self, scope: Scope, expr: ast.expr) -> Iterator[str]:
        for where, node in self._displays(scope, expr):
            if isinstance(node, ast.Dict):
                for key in node.keys:
                    if key is not None:
                        yield self._project.names.dotted(where, key) or written(key)

    def _displays(self, scope: Scope, expr: ast.expr) -> Iterator[tuple[Scope, ast.expr]]:
        from fastness.checker.evidence.found import Variable

        found = self._project.names.resolve(scope, expr) if isinstance(expr, (ast.Name, ast.Attribute)) else None
        if isinstance(found, Variable):
            for assignment in found.assignments:
                if assignment.value is not None:
                    yield found.scope, assignment.value
        else:
            yield scope, expr

    def _calls_in(self, scope: Scope, expr: ast.expr) -> Iterator[tuple[Scope, ast.Call]]:
        for where, display in self._displays(scope, expr):
            for node in walk(display):
                if isinstance(node, ast.Call):
                    yield where, node

    def _listed(self, owner: Owner, scope: Scope, expr: ast.expr) -> None:
        for where, node in self._calls_in(scope, expr):
            call = self._project.call_of(where, node)
            word = call.name.rpartition(".")[2]
            path, endpoint = call.arg("path", 0), call.arg("endpoint", 1)
            if word in _LISTED and path is not None and endpoint is not None:
                handler = self._project.names.runs(self._project.names.resolve(where, endpoint))
                self._route(
                    owner, "websocket" if _LISTED[word] == "websocket" else "api_route", path, call, handler, endpoint
                )
            elif word == "Mount" and call.arg("app", 1) is not None:
                inner = call.arg("app", 1)
                assert inner is not None  # noqa: S101 - tested above
                self.found.included[id(owner)].append(Included(self._owners.of(where, inner), call, mount=True))


def path_text(value: Value) -> str:
    """A path, with `{?}` for what is not known."""
    if value.known:
        return value.text
    if value.shape == "text":
        return "".join(
            path_text(part) if part.shape == "text" else (str(part.constant) if part.known else "{?}")
            for part in value.items
        )
    if value.shape == "choice":
        return path_text(value.items[0])
    return "{?}"


def _passes_on(scope: Scope, word: str, path: ast.expr) -> bool:
    """Whether a method is only another way to say the same: its callers name the paths."""
    return scope.short == word and isinstance(path, ast.Name) and scope.parameter(path.id) is not None
