"""Break what the service stands on, and print what its callers saw.

    python tools/faults.py                      every experiment in every cell, about an hour on two idle cores
    python tools/faults.py --short              the short forms, which the ordinary test run has too
    python tools/faults.py 1 --kills 125        one experiment: 125 kills in each of its four cells are 500
    python tools/faults.py 5 --cell postgresql+redis/4 --seed 7 --repeat 3    three times, and the worst of each figure

Tests that are part of an experiment run first (`--no-tests` leaves them out). Servers are our own, on free ports; the
PostgreSQL of the tests only lends databases. Figures with a `t` are times: they mean something on an idle machine. Exit
code 1 when a test is red or a figure does not pass, 2 when nothing was to be run of what was asked for.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import re
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT)]

from cells import ALL, Cell  # noqa: E402 - the tests are no installed package
from proof.faults.experiment import Experiment, Figure, Trial  # noqa: E402
from proof.faults.table import EXPERIMENTS  # noqa: E402

CELLS = {str(cell): cell for cell in ALL}


def tested(experiment: Experiment) -> Figure:
    """Run the tests that are part of an experiment."""
    nodes = [str(ROOT / "tests" / node) for node in experiment.tests]
    done = subprocess.run(  # noqa: S603 - our own interpreter and tests
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", "2", *nodes],
        cwd=ROOT, env={**os.environ, "COLUMNS": "200"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        print(done.stdout[-3000:], file=sys.stderr)
    last = done.stdout.strip().rsplit("\n", 1)[-1].strip("= ")
    return Figure("tests", last, "green", done.returncode == 0)


async def tried(experiment: Experiment, trial: Trial) -> list[Figure]:
    """What an experiment saw; when it broke, that."""
    assert experiment.run is not None  # noqa: S101 - only those have cells
    try:
        return await experiment.run(trial)
    except Exception as error:  # noqa: BLE001 - the other experiments go on
        traceback.print_exc()
        return [
            Figure("the experiment itself", f"{type(error).__name__}: {error}"[:200], "runs to its end", good=False)
        ]


def repeated(experiment: Experiment, cell: Cell, seed: int, asked: argparse.Namespace) -> list[Figure]:
    """What an experiment saw in this cell with this seed."""
    with tempfile.TemporaryDirectory(prefix="fastness-faults-", ignore_cleanup_errors=True) as folder:
        trial = Trial(cell=cell, folder=Path(folder), seed=seed, short=asked.short, kills=asked.kills)
        return asyncio.run(tried(experiment, trial))


def cells(experiment: Experiment, asked: argparse.Namespace) -> list[str]:
    """Where it runs, of what was asked for."""
    there = experiment.short if asked.short else experiment.cells
    return [name for name in there if not asked.cell or name in asked.cell]


def chosen(asked: argparse.Namespace) -> list[Experiment]:
    """The experiments that were asked for.

    Raises:
        ValueError: there is none such, or one of them would run nothing.
    """
    if asked.repeat < 1 or asked.kills < 1:
        raise ValueError("--repeat and --kills are at least one")
    known = {experiment.number: experiment for experiment in EXPERIMENTS}
    for number in asked.experiment:
        if number not in known:
            raise ValueError(f"there is no experiment {number}; there are {', '.join(map(str, known))}")
        there, tests = known[number].short if asked.short else known[number].cells, known[number].tests
        for name in asked.cell or ():
            if name not in there:
                where = f"runs in {', '.join(there)}" if there else "is its tests alone"
                raise ValueError(f"experiment {number} does not run in {name}: it {where}")
        if not there and (asked.no_tests or not tests):
            raise ValueError(f"experiment {number} is its tests alone{' in the short form' if asked.short else ''}")
    found = [known[number] for number in sorted(set(asked.experiment))] if asked.experiment else [*EXPERIMENTS]
    found = [one for one in found if cells(one, asked) or (one.tests and not asked.no_tests)]
    if not found:
        raise ValueError("no experiment runs there")
    return found


def worst(repeats: list[list[Figure]]) -> list[Figure]:
    """Of each figure the one that is furthest from what is wanted."""
    of_each: dict[tuple[str, int], list[Figure]] = {}
    for figures in repeats:
        names = Counter[str]()
        for figure in figures:
            names[figure.what] += 1
            of_each.setdefault((figure.what, names[figure.what]), []).append(figure)
    return [min(same, key=_passes) for same in of_each.values()]


def _passes(figure: Figure) -> tuple[bool, float]:
    number = re.match(r"-?[0-9.]+(e[+-]?[0-9]+)?", figure.seen)
    if number is None:
        return figure.good, 0.0
    return figure.good, float(number[0]) if figure.wanted.startswith(">=") else -float(number[0])


def show(where: str, figures: list[Figure]) -> int:
    """Print them; how many do not pass."""
    for figure in figures:
        mark = "ok " if figure.good else "RED"
        print(
            f"  {mark} {where:22} {'t' if figure.timed else ' '} {figure.what}: {figure.seen} (wanted {figure.wanted})"
        )
    sys.stdout.flush()
    return sum(not figure.good for figure in figures)


def main() -> int:
    """Run what was asked for; 0 when all of it passes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("experiment", nargs="*", type=int, help=", ".join(str(one.number) for one in EXPERIMENTS))
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--no-tests", action="store_true", help="leave out the tests that are part of the experiments")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--repeat", type=int, default=1, help="times, with a seed each (1); the worst of each is told")
    parser.add_argument("--cell", action="append", choices=[*CELLS])
    parser.add_argument("--kills", type=int, default=125, help="of experiment 1 in each cell")
    asked = parser.parse_args()
    logging.disable(logging.CRITICAL)  # of services in this process; what real servers write is read
    try:
        experiments = chosen(asked)
    except ValueError as error:
        parser.error(str(error))
    told, red = list[str](), 0
    for experiment in experiments:
        print(f"{experiment.number}. {experiment.title}", flush=True)
        began, bad, seen = time.monotonic(), 0, 0
        if experiment.tests and not asked.no_tests:
            bad, seen = show("", [tested(experiment)]), 1
        for name in cells(experiment, asked):
            figures = worst([repeated(experiment, CELLS[name], asked.seed + n, asked) for n in range(asked.repeat)])
            seeds = f"{asked.seed}" if asked.repeat == 1 else f"{asked.seed}-{asked.seed + asked.repeat - 1}"
            bad, seen = bad + show(f"{name} seed {seeds}", figures), seen + len(figures)
        red += bad
        told.append(
            f"{experiment.number:3} {experiment.title:52} {seen - bad:3} of {seen:3} pass {time.monotonic() - began:6.0f} s"
        )
    print("\n=== summary", *told, f"{red} figures do not pass" if red else "all pass", sep="\n")
    return 1 if red else 0


if __name__ == "__main__":
    sys.exit(main())
