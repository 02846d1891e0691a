"""Drive the account service at random beside a small model of it, and compare every answer and the database.

    python tools/model.py                                100,000 steps on SQLite, half an hour and more
    python tools/model.py --steps 2000 --seed 7
    python tools/model.py --database postgresql          on the PostgreSQL of the tests
    python tools/model.py --steps 1 --seed 1004 --shrink  that story again, as short as it gets: minutes

A step is a request that changes something or may; after each the database is compared, and one token is tried. Each
seed is twenty stories in a process of its own. Exit code 1 at the first difference, with its seed.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import logging
import multiprocessing
import sys
import time
import traceback
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT)]

from proof.model.machine import Machine  # noqa: E402 - the tests are no installed package

LENGTH, STORIES = 150, 20


@dataclass
class Told:
    """What one seed saw; `difference` is the traceback when there was one."""

    steps: int = 0
    probes: int = 0
    faults: int = 0
    cpu: float = 0.0
    statuses: Counter[tuple[str, int]] = field(default_factory=Counter)
    difference: str = ""

    def add(self, other: Told) -> None:
        self.steps, self.probes = self.steps + other.steps, self.probes + other.probes
        self.faults, self.cpu = self.faults + other.faults, self.cpu + other.cpu
        self.statuses.update(other.statuses)


def stories(database: str, number: int, *, shrink: bool) -> Told:
    """Tell the stories of one seed."""
    logging.disable(logging.CRITICAL)  # every refusal is a line
    Machine.kind, told = database, Told()
    chosen = settings(
        max_examples=STORIES, stateful_step_count=LENGTH, deadline=None, database=None, print_blob=False,
        suppress_health_check=list(HealthCheck), phases=[Phase.generate, *([Phase.shrink] if shrink else [])],
    )  # fmt: skip
    try:
        with contextlib.redirect_stderr(io.StringIO()):  # each start of the service says what it is
            run_state_machine_as_test(seed(number)(type("Seeded", (Machine,), {})), settings=chosen)
    except BaseException as error:  # noqa: BLE001 - whatever it is, it is the finding
        told.difference = "".join(traceback.format_exception(error))
    told.probes, told.faults, told.cpu = Machine.probes, Machine.faults, time.process_time()
    told.steps, told.statuses = Machine.requests - Machine.probes, Counter(Machine.statuses)
    return told


def main() -> int:
    """Tell stories until there were so many steps; 0 when none found a difference."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--shrink", action="store_true", help="look for the shortest story that differs")
    asked = parser.parse_args()
    number, began, whole = asked.seed, time.monotonic(), Told()
    spawn = multiprocessing.get_context("spawn")
    while whole.steps < asked.steps:
        with ProcessPoolExecutor(1, mp_context=spawn) as pool:
            told = pool.submit(stories, asked.database, number, shrink=asked.shrink).result()
        whole.add(told)
        print(f"seed {number}: {told.steps} steps, {whole.steps} in all", file=sys.stderr, flush=True)
        if told.difference:
            print(f"seed {number} differs:\n{told.difference[-12000:]}")
            return 1
        number += 1
    for (route, status), times in sorted(whole.statuses.items()):
        print(f"  {times:7} {status} {route}")
    print(
        f"{asked.database}: {whole.steps} steps, {whole.probes} probes, {whole.faults} without database, "
        f"{time.monotonic() - began:.0f} s, {whole.cpu:.0f} s of CPU, 0 differences"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
