"""The words of the fault experiments: where one runs, what it saw, and whether it passes with that."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from cells import Cell

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Figure:
    """One thing that was seen. `timed` ones mean something on an idle machine only, so that no test judges them."""

    what: str
    seen: str
    wanted: str
    good: bool
    timed: bool = False


def none(what: str, found: Iterable[object]) -> Figure:
    """Passes when nothing was found."""
    found = list(found)
    return Figure(what, f"{len(found)}: {str(found[0])[:80]}" if found else "0", "0", not found)


def only(what: str, seen: Counter[int], allowed: set[int]) -> Figure:
    """Passes when every status is one of these."""
    shown = ", ".join(f"{count} x {status}" for status, count in sorted(seen.items()))
    return Figure(what, shown or "none", "/".join(map(str, sorted(allowed))), bool(seen) and seen.keys() <= allowed)


def at_least(what: str, seen: float, least: float) -> Figure:
    """Passes when it is no less; for how much was tried at all."""
    return Figure(what, f"{seen:g}", f">= {least:g}", seen >= least)


def at_most(what: str, seen: float, most: float, unit: str = "") -> Figure:
    """Passes when it is no more."""
    return Figure(what, f"{seen:.4g}{unit}", f"<= {most:g}{unit}", seen <= most)


def within(what: str, seconds: float, most: float) -> Figure:
    """Passes when it took no longer. Measured, so judged by the long form only."""
    return Figure(what, f"{seconds:.2f} s", f"<= {most:g} s", seconds <= most, timed=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One run of an experiment."""

    cell: Cell
    folder: Path
    seed: int
    short: bool
    kills: int = 125
    """How often experiment 1 kills, in each cell."""

    def sized(self, *, short: T, full: T) -> T:
        """The one that fits."""
        return short if self.short else full


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """One line of the plan: tests that are its part in the ordinary run, and what only its own command does."""

    number: int
    title: str
    tests: tuple[str, ...] = ()
    """Tests that prove a part of it, below tests/."""
    run: Callable[[Trial], Awaitable[list[Figure]]] | None = None
    cells: tuple[str, ...] = ()
    """Where `run` runs in its long form."""
    short: tuple[str, ...] = ()
    """Where it runs in its short form, with the other tests; nowhere when `tests` are that already."""
