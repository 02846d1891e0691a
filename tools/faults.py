"""Break what the service stands on, and print what its callers saw.

    python tools/faults.py                      every experiment in every cell, about an hour on two idle cores
    python tools/faults.py --short              the short forms, which the ordinary test run has too
    python tools/faults.py 1 --kills 125        one experiment: 125 kills in each of its four cells are 500
    python tools/faults.py 5 --cell postgresql+redis/4 --seed 7 --repeat 3

Tests that are part of an experiment run first (`--no-tests` leaves them out). Servers are our own, on free ports; the
PostgreSQL of the tests only lends databases. Figures with a `t` are times: they mean something on an idle machine. Exit
code 1 when a test is red or a figure does not pass.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
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


def trials(experiment: Experiment, asked: argparse.Namespace) -> Iterator[tuple[Cell, int]]:
    """The cells and seeds that were asked for."""
    for name in experiment.short if asked.short else experiment.cells:
        for repeat in range(asked.repeat):
            if not asked.cell or name in asked.cell:
                yield CELLS[name], asked.seed + repeat


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
    parser.add_argument("--repeat", type=int, default=1, help="times, with a seed each")
    parser.add_argument("--cell", action="append", choices=[*CELLS])
    parser.add_argument("--kills", type=int, default=125, help="of experiment 1 in each cell")
    asked = parser.parse_args()
    logging.disable(logging.CRITICAL)  # of services in this process; what real servers write is read
    told, red = list[str](), 0
    for experiment in EXPERIMENTS:
        if asked.experiment and experiment.number not in asked.experiment:
            continue
        print(f"{experiment.number}. {experiment.title}", flush=True)
        began, bad, seen = time.monotonic(), 0, 0
        if experiment.tests and not asked.no_tests:
            bad, seen = show("", [tested(experiment)]), 1
        for cell, seed in trials(experiment, asked):
            with tempfile.TemporaryDirectory(prefix="fastness-faults-", ignore_cleanup_errors=True) as folder:
                trial = Trial(cell=cell, folder=Path(folder), seed=seed, short=asked.short, kills=asked.kills)
                figures = asyncio.run(tried(experiment, trial))
            bad, seen = bad + show(f"{cell} seed {seed}", figures), seen + len(figures)
        red += bad
        told.append(
            f"{experiment.number:3} {experiment.title:52} {seen - bad:3} of {seen:3} pass {time.monotonic() - began:6.0f} s"
        )
    print("\n=== summary", *told, f"{red} figures do not pass" if red else "all pass", sep="\n")
    return 1 if red or not told else 0


if __name__ == "__main__":
    sys.exit(main())
