"""Which file of the checked folder an import means."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from fastness.checker.evidence.source import Module


class Imports:
    """Finds modules by the names that imports use.

    A checked folder may hold several import roots (`src`, `backend`, a folder per service), and no configuration says
    which. An import means the file whose name ends like it and whose root lies above the importer; roots that are
    packages themselves do not count, because nothing puts them on the path.
    """

    def __init__(self, modules: Iterable[Module]) -> None:
        self.by_name: dict[str, Module] = {}
        self.by_scope: dict[int, Module] = {}
        self._ends: dict[str, list[tuple[str, Module]]] = defaultdict(list)
        self._packages: set[str] = set()
        self._known: dict[tuple[str, str], Module | None] = {}
        for module in modules:
            self._add(module)

    def _add(self, module: Module) -> None:
        self.by_name[module.name] = module
        self.by_scope[id(module.scope)] = module
        if module.package and module.name:
            self._packages.add(module.name)
        parts = module.name.split(".")
        for start in range(len(parts)):
            self._ends[".".join(parts[start:])].append((".".join(parts[:start]), module))

    def module(self, name: str, importer: Module) -> Module | None:
        """The module that `name` means in `importer`; a leading dot says that the name starts at the checked folder."""
        if name.startswith("."):
            return self.by_name.get(name[1:])
        key = (name, importer.name.rpartition(".")[0])
        if key not in self._known:
            self._known[key] = self._search(name, importer)
        return self._known[key]

    def _search(self, name: str, importer: Module) -> Module | None:
        found: tuple[int, Module] | None = None
        for root, module in self._ends.get(name, ()):
            above = not root or f"{importer.name}.".startswith(f"{root}.")
            if root in self._packages:
                continue
            if not above and "." not in name:
                continue  # a lone word from another root is more often a distribution
            rank = (1000 if above else 0) + _shared(root, importer.name)
            if found is None or rank > found[0]:
                found = rank, module
        return found[1] if found else None


def _shared(first: str, second: str) -> int:
    count = 0
    for one, other in zip(first.split("."), second.split("."), strict=False):
        if one != other:
            break
        count += 1
    return count
