"""A published flaw, the test that catches it here, and the defence whose removal turns that test red."""

from __future__ import annotations

import re
import sysconfig
import tomllib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar

from packaging.requirements import Requirement
from packaging.version import Version

import fastness

ROOT = Path(fastness.__file__).parents[2]
"""The tree that is tested: the repository, or the copy of it from which a defence was removed."""
LIBRARIES = Path(sysconfig.get_paths()["purelib"])
"""What is installed here. A copy of one of its packages stands in the tree's `site` and is imported in its place."""

T = TypeVar("T", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Removal:
    """One text in one file of the repository, or of a library under `site/`, and what stands there without the defence."""

    file: str
    text: str
    instead: str

    def applied(self, root: Path) -> str:
        """The file without the defence.

        Raises:
            ValueError: when the text does not stand there exactly once, so that something else would be removed.
        """
        if not self.original(root).is_file():
            raise ValueError(f"there is no {self.file}")
        found = self.original(root).read_text(encoding="utf-8")
        if found.count(self.text) != 1:
            raise ValueError(f"{self.file} holds {found.count(self.text)} times {self.text!r}")
        return found.replace(self.text, self.instead)

    def original(self, root: Path) -> Path:
        """Where the text stands before it is removed."""
        if self.file.startswith("site/") and not (root / self.file).exists():
            return LIBRARIES / self.file.removeprefix("site/")
        return root / self.file


@dataclass(frozen=True, slots=True)
class Advisory:
    """What a test stands for."""

    row: int
    """Number in the list of flaws, `rows.py`."""
    ids: tuple[str, ...]
    without: tuple[Removal, ...]
    """Removed together: a flaw may have more than one wall before it."""
    also: tuple[tuple[Removal, ...], ...] = ()
    """Other defences that the test stands for. Each is removed alone, and must turn it red too."""
    crashes: frozenset[str] = frozenset()
    """Exceptions that are the flaw itself, or that the test makes. Any other that nobody handles says that the removal
    broke the code."""

    @property
    def removals(self) -> tuple[tuple[Removal, ...], ...]:
        """One for each time that the test has to be red."""
        return (self.without, *self.also)


def advisory(
    row: int, *ids: str, without: Sequence[Removal], also: Sequence[Sequence[Removal]] = (), crashes: Sequence[str] = ()
) -> Callable[[T], T]:
    """Say which published flaws a test stands for; the first id is in its name."""

    def mark(test: T) -> T:
        setattr(test, "advisory", Advisory(row, ids, tuple(without), tuple(map(tuple, also)), frozenset(crashes)))  # noqa: B010
        return test

    return mark


def package(file: str, text: str, instead: str) -> Removal:
    """A removal in the package itself."""
    return Removal(f"src/fastness/{file}", text, instead)


def library(file: str, text: str, instead: str) -> Removal:
    """A removal in what we build on, as installed: how it was before its authors repaired it."""
    return Removal(f"site/{file}", text, instead)


def floor(name: str) -> Version:
    """The lowest version of a package that we let anybody install."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    every = [*project["dependencies"], *(line for lines in project["optional-dependencies"].values() for line in lines)]
    (found,) = {Requirement(line).specifier for line in every if Requirement(line).name == name}
    return min(Version(each.version) for each in found if each.operator == ">=")


def lowered(name: str, now: str, before: str) -> Removal:
    """The floor as somebody in a hurry would write it."""
    return Removal("pyproject.toml", f'"{name}>={now}"', f'"{name}>={before}"')


def slug(identifier: str) -> str:
    """An id as it stands in the name of a test."""
    return re.sub(r"[^a-z0-9]+", "_", identifier.lower()).strip("_")


@dataclass(frozen=True, slots=True)
class Test:
    """A test of this folder, and what it stands for; None when it does not say."""

    __test__ = False

    file: Path
    name: str
    advisory: Advisory | None

    @property
    def id(self) -> str:
        return f"{self.file.name}::{self.name}"


def every() -> Iterator[Test]:
    """All tests of this folder, sorted by file."""
    for file in sorted(Path(__file__).parent.glob("test_*.py")):
        module = import_module(f"proof.advisories.{file.stem}")
        for name, thing in vars(module).items():
            if name.startswith("test_"):
                yield Test(file, name, getattr(thing, "advisory", None))
