"""Where requests come in: the functions whose parameters FastAPI fills, and the request object in them."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from fastness.checker.evidence.scope import Scope

if TYPE_CHECKING:
    from fastness.checker.evidence.project import Project

ROUTE_WORDS = frozenset({
    "get", "post", "put", "patch", "delete", "head", "options", "trace", "api_route", "route", "websocket",
    "websocket_route",
})  # fmt: skip
_REQUESTS = ("fastapi.Request", "fastapi.WebSocket", "starlette.requests.HTTPConnection", "Request", "WebSocket")


class Entries:
    """Finds them."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._dependencies: set[int] | None = None

    def entry(self, scope: Scope) -> bool:
        """Whether a function's parameters are filled by FastAPI: a handler or a dependency."""
        if id(scope) in self._project.handlers:
            return True
        for decorator in getattr(scope.node, "decorator_list", ()):
            func = decorator.func if isinstance(decorator, ast.Call) else decorator
            if isinstance(func, ast.Attribute) and func.attr in ROUTE_WORDS:
                return True
        return id(scope) in self.dependencies

    def is_dependency(self, scope: Scope) -> bool:
        """Whether some `Depends` runs a function: by its name, or as the `__call__` of a class."""
        return id(scope) in self.dependencies or scope.short == "__call__"

    @property
    def dependencies(self) -> set[int]:
        """Scopes of the functions that some `Depends` or `Security` names."""
        if self._dependencies is None:
            self._dependencies = set()
            for call in self._project.calls("Depends", "Security"):
                argument = call.arg("dependency", 0)
                found = self._project.names.resolve(call.scope, argument) if argument is not None else None
                runs = self._project.names.runs(found)
                if runs is not None:
                    self._dependencies.add(id(runs))
        return self._dependencies

    def is_request(self, scope: Scope, expr: ast.expr) -> bool:
        """Whether an expression is the request or websocket object."""
        kind = self._project.names.kind(scope, expr)
        if kind is not None:
            return self._project.names.is_a(kind, *_REQUESTS)
        return isinstance(expr, ast.Name) and expr.id in {"request", "req", "websocket", "ws", "conn"}
