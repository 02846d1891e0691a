"""Which classes a class comes from."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TYPE_CHECKING

from fastness.checker.evidence.found import External, Found, Instance, Variable, matches
from fastness.checker.evidence.known import canonical
from fastness.checker.evidence.scope import Scope

if TYPE_CHECKING:
    from fastness.checker.evidence.kinds import Kinds
    from fastness.checker.evidence.names import Names


class Ancestry:
    """The bases of classes, each asked once."""

    def __init__(self, names: Names, kinds: Kinds) -> None:
        self._names = names
        self._kinds = kinds
        self._bases: dict[int, tuple[Scope | External, ...]] = {}

    def lineage(self, owner: Scope) -> Iterator[Scope | External]:
        """A class and all its bases, nearest first."""
        seen: set[str] = set()
        todo: list[Scope | External] = [owner]
        while todo:
            cls = todo.pop(0)
            name = self._names.name(cls)
            if name in seen:
                continue
            seen.add(name)
            yield cls
            if isinstance(cls, Scope):
                todo.extend(self.bases(cls))

    def bases(self, owner: Scope) -> tuple[Scope | External, ...]:
        """The direct bases of a class."""
        if id(owner) not in self._bases:
            self._bases[id(owner)] = ()
            node = owner.node
            found: list[Scope | External] = []
            outside = owner.parent or owner
            for expr in node.bases if isinstance(node, ast.ClassDef) else ():
                base = self._names.resolve(outside, expr)
                if isinstance(base, Variable):
                    base = self._kinds.of_found(base, 1) or External(self._names.name(base))
                elif isinstance(base, Instance):
                    base = base.of
                if isinstance(base, (Scope, External)):
                    found.append(base)
                elif isinstance(expr, ast.Name):
                    found.append(External(expr.id))
            self._bases[id(owner)] = tuple(found)
        return self._bases[id(owner)]

    def is_a(self, kind: Found | None, *names: str) -> bool:
        """Whether a class is one of these, or has one among its bases. A name without dots compares the last part."""
        of = kind.of if isinstance(kind, Instance) else kind
        if isinstance(of, External):
            return matches(canonical(of.name), names)
        if isinstance(of, Scope) and of.kind == "class":
            return any(matches(self._names.name(cls), names) for cls in self.lineage(of))
        return False
