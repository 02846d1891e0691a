"""Every call of a project, found by the last part of its name."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import TYPE_CHECKING

from fastness.checker.evidence.found import matches
from fastness.checker.evidence.functions import Call, Function
from fastness.checker.evidence.scope import Scope
from fastness.checker.evidence.source import Kind, Module

if TYPE_CHECKING:
    from fastness.checker.evidence.project import Project


class Calling:
    """The index, made when somebody asks first."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._calls: dict[tuple[int, int], Call] = {}
        self._targets: dict[tuple[int, int], Function | None] = {}
        self._callees: dict[int, tuple[Function, ...]] = {}

    def call(self, scope: Scope, node: ast.Call) -> Call:
        """The view of one call; the same object each time."""
        key = (id(scope), id(node))
        if key not in self._calls:
            self._calls[key] = Call(self._project, scope, node, self._project.names.dotted(scope, node.func))
        return self._calls[key]

    def target(self, scope: Scope, node: ast.Call) -> Function | None:
        """The function of the project that a call runs."""
        key = (id(scope), id(node))
        if key not in self._targets:
            runs = self._project.names.called(scope, node)
            self._targets[key] = self._project.function_of(runs) if runs is not None else None
        return self._targets[key]

    def callees(self, function: Function) -> tuple[Function, ...]:
        """The functions of the project that a function calls, each once, in the order of the source."""
        key = id(function.scope)
        if key not in self._callees:
            found = (call.target for call in function.calls())
            self._callees[key] = tuple(dict.fromkeys(target for target in found if target is not None))
        return self._callees[key]

    @property
    def words(self) -> Iterable[str]:
        """The last parts of all names that are called anywhere."""
        return self._index.keys()

    def of(self, names: tuple[str, ...], kinds: tuple[Kind, ...]) -> Iterator[Call]:
        """The calls with one of these names in files of these kinds; `Project.calls` says what a name is."""
        seen: set[tuple[int, int]] = set()
        for name in names:
            dotted = "." in name
            for module, scope, node, skipped in self._index.get(name.rpartition(".")[2], ()):
                if module.kind not in kinds or (id(node), skipped) in seen:
                    continue
                func = node.args[0] if skipped else node.func
                full = self._project.names.dotted(scope, func)
                if dotted and not matches(full, (name,)):
                    continue
                seen.add((id(node), skipped))
                yield Call(self._project, scope, node, full, skipped) if skipped else self.call(scope, node)

    @cached_property
    def _index(self) -> dict[str, list[tuple[Module, Scope, ast.Call, int]]]:
        """Every call under the last part of its name; middleware also under the class that is added."""
        index: dict[str, list[tuple[Module, Scope, ast.Call, int]]] = defaultdict(list)
        for module in self._project.modules:
            renamed = {k: v.rpartition(".")[2] for k, v in module.scope.imports.items() if not v.endswith(k)}
            for scope in module.scope.within():
                renamed |= {k: v.rpartition(".")[2] for k, v in scope.imports.items() if not v.endswith(k)}
                for node in scope.calls:
                    func = node.func
                    if isinstance(func, ast.Attribute):
                        last = func.attr
                    elif isinstance(func, ast.Name):
                        last = func.id
                    else:
                        continue
                    index[last].append((module, scope, node, 0))
                    if last in renamed and isinstance(func, ast.Name):
                        index[renamed[last]].append((module, scope, node, 0))
                    if last in {"add_middleware", "Middleware", "partial"} and node.args:
                        first = node.args[0]
                        word = first.attr if isinstance(first, ast.Attribute) else getattr(first, "id", "")
                        if word:
                            index[renamed.get(word, word)].append((module, scope, node, 1))
        return index
