"""A published flaw, the test that catches it here, and the defence whose removal turns that test red."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar

import fastness

ROOT = Path(fastness.__file__).parents[2]
"""The tree that is tested: the repository, or the copy of it from which a defence was removed."""

T = TypeVar("T", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Removal:
    """One text in one file of the repository, and what stands there when the defence is gone."""

    file: str
    text: str
    instead: str

    def applied(self, root: Path) -> str:
        """The file without the defence.

        Raises:
            ValueError: when the text does not stand there exactly once, so that something else would be removed.
        """
        if not (root / self.file).is_file():
            raise ValueError(f"there is no {self.file}")
        found = (root / self.file).read_text(encoding="utf-8")
        if found.count(self.text) != 1:
            raise ValueError(f"{self.file} holds {found.count(self.text)} times {self.text!r}")
        return found.replace(self.text, self.instead)


@dataclass(frozen=True, slots=True)
class Advisory:
    """What a test stands for."""

    row: int
    """Number in the list of flaws, `rows.py`."""
    ids: tuple[str, ...]
    without: tuple[Removal, ...]
    """Removed together: a flaw may have more than one wall before it."""


def advisory(row: int, *ids: str, without: Sequence[Removal]) -> Callable[[T], T]:
    """Say which published flaws a test stands for; the first id is in its name."""

    def mark(test: T) -> T:
        setattr(test, "advisory", Advisory(row, ids, tuple(without)))  # noqa: B010
        return test

    return mark


def package(file: str, text: str, instead: str) -> Removal:
    """A removal in the package itself."""
    return Removal(f"src/fastness/{file}", text, instead)


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
