"""Which scopes a project has, and which nodes of a kind each holds; found once, asked by every rule."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar, cast

from fastness.checker.evidence.scope import KEPT, Scope
from fastness.checker.evidence.source import Kind, Module
from fastness.checker.evidence.wording import own_nodes

N = TypeVar("N", bound=ast.AST)


class Holdings:
    """The index over the modules of a project."""

    def __init__(self, modules: Iterable[Module]) -> None:
        self._modules = tuple(modules)
        self._scopes: dict[tuple[Kind, ...], list[Scope]] = {}
        self._holders: dict[tuple[type[ast.AST], tuple[Kind, ...]], list[Scope]] = {}
        self._searched: dict[tuple[int, type[ast.AST]], list[ast.AST]] = {}

    def scopes(self, kinds: tuple[Kind, ...]) -> list[Scope]:
        """Every scope of the files of these kinds."""
        if kinds not in self._scopes:
            self._scopes[kinds] = [s for m in self._modules if m.kind in kinds for s in m.scope.within()]
        return self._scopes[kinds]

    def nodes(self, kind: type[N], kinds: tuple[Kind, ...]) -> Iterator[tuple[Scope, N]]:
        """Every node of a kind with its scope."""
        key = (kind, kinds)
        if key not in self._holders:
            self._holders[key] = [scope for scope in self.scopes(kinds) if self.of(scope, kind)]
        for scope in self._holders[key]:
            for node in self.of(scope, kind):
                yield scope, node

    def of(self, scope: Scope, kind: type[N]) -> Sequence[N]:
        """The nodes of a kind directly in one scope; kinds that the walk did not keep are searched once."""
        if kind in KEPT:
            return cast("Sequence[N]", scope.nodes.get(kind, ()))
        key = (id(scope), kind)
        if key not in self._searched:
            self._searched[key] = [node for node in own_nodes(scope) if isinstance(node, kind)]
        return cast("Sequence[N]", self._searched[key])
