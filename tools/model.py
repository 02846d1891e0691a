"""Drive the account service at random beside a small model of it, and compare every answer and the database.

    python tools/model.py                                100,000 steps on SQLite, about half an hour
    python tools/model.py --steps 2000 --seed 7
    python tools/model.py --database postgresql          on the PostgreSQL of the tests

A step is one request that changes something or may; after each the database is compared, and one token is tried. Exit
code 1 at the first difference, with the shortest story that leads there. A failing seed can be run again with --steps 1.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import logging
import sys
import time
import traceback
from pathlib import Path

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT)]

from proof.model.machine import Machine  # noqa: E402 - the tests are no installed package

LENGTH, STORIES = 150, 20


def main() -> int:
    """Run blocks of stories, each with a seed of its own; 0 when none found a difference."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    asked = parser.parse_args()
    logging.disable(logging.CRITICAL)  # every refusal is a line
    Machine.kind, number, began = asked.database, asked.seed, time.monotonic()
    chosen = settings(
        max_examples=STORIES, stateful_step_count=LENGTH, deadline=None, database=None,
        suppress_health_check=list(HealthCheck), phases=[Phase.generate, Phase.shrink], print_blob=False,
    )  # fmt: skip
    while (steps := Machine.requests - Machine.probes) < asked.steps:
        try:
            with contextlib.redirect_stderr(io.StringIO()):  # each start of the service says what it is
                run_state_machine_as_test(seed(number)(type("Seeded", (Machine,), {})), settings=chosen)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the finding
            print(f"seed {number}, after {steps} steps")
            traceback.print_exception(error, file=sys.stdout)
            return 1
        number += 1
        print(f"seed {number - 1}: {Machine.requests - Machine.probes} steps", file=sys.stderr, flush=True)
    for (route, status), times in sorted(Machine.statuses.items()):
        print(f"  {times:7} {status} {route}")
    print(
        f"{asked.database}: {Machine.requests - Machine.probes} steps, {Machine.probes} probes, "
        f"{Machine.faults} without database, {time.monotonic() - began:.0f} s, {time.process_time():.0f} s of CPU, 0 differences"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
