"""The middleware of an application, and which of it stops strangers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from fastness.checker.evidence.gates import Gate, Gates
from fastness.checker.evidence.model import Middleware
from fastness.checker.evidence.scope import Scope
from fastness.checker.evidence.written import written

if TYPE_CHECKING:
    from fastness.checker.evidence.owners import Owner
    from fastness.checker.evidence.project import Project
    from fastness.checker.evidence.registered import Registrations


class Stack:
    """Reads what was added to an application."""

    def __init__(self, project: Project, given: Registrations, gates: Gates) -> None:
        self._project = project
        self._given = given
        self._gates = gates

    def middleware(self, app: Owner) -> Iterator[Middleware]:
        """What is added, outermost last."""
        for call in self._given.middleware[id(app)]:
            what = call.arg("middleware_class", "cls", 0)
            if what is None:
                continue
            name = self._project.names.dotted(call.scope, what) or written(what)
            inner = replace(call, skipped=1)
            options = tuple((k, inner.value(k).constant) for k in inner.keywords if inner.value(k).known)
            yield Middleware(name, call.place, options)
        for scope in self._given.functions[id(app)]:
            yield Middleware(scope.name, self._project.place(scope, scope.node))

    def gates(self, app: Owner, middleware: tuple[Middleware, ...]) -> Iterator[Gate]:
        """What of it stops strangers."""
        for one in middleware:
            declared = self._gates.declared(one.name)
            if declared is not None:
                yield declared
        for call in self._given.middleware[id(app)]:
            what = call.arg("middleware_class", "cls", 0)
            found = self._project.names.resolve(call.scope, what) if what is not None else None
            if isinstance(found, Scope) and found.kind == "class":
                inner = replace(call, skipped=1)
                options = tuple((k, inner.value(k).constant) for k in inner.keywords)
                gate = self._gates.of_class(found, found.name, options)
                if gate is not None:
                    yield gate
        for scope in self._given.functions[id(app)]:
            gate = self._gates.of_function(scope)
            if gate is not None:
                yield gate
