"""Run the tests in each of the six cells: SQLite, PostgreSQL, PostgreSQL with Redis, each with one worker and with four.

    python tools/matrix.py                    all six, whole: after the first without what meets no cell (checker, core, house)
    python tools/matrix.py --short            the first whole, in the others what is marked: `store` where one worker
                                              serves, `workers` where several do
    python tools/matrix.py --short --others   the same without the first, as CI does, which ran that already
    python tools/matrix.py --cell 'postgresql+redis/4' -- tests/journeys
                                              one cell; what follows -- goes to pytest

Each cell is one pytest with TEST_CELL set (tests/cells.py). Ends with 0 when every cell is green.
"""

from __future__ import annotations

import argparse
import os
import time

import again

ALIKE = ("checker", "core", "house")
"""Folders of tests that meet neither a store nor a worker: they would be the same six times."""
CELLS = [
    f"{stores}/{workers}" for stores in ("sqlite+memory", "postgresql+memory", "postgresql+redis") for workers in (1, 4)
]


def main() -> int:
    """Run the cells one after the other, and print a line for each at the end."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", action="store_true", help="all but the first run only what is marked")
    parser.add_argument("--others", action="store_true", help="all but the first")
    parser.add_argument("--cell", action="append", choices=CELLS, help="only this one; may be repeated")
    parser.add_argument("pytest", nargs="*", help="more arguments for pytest, behind --")
    asked = parser.parse_args()
    told: list[str] = []
    red = False
    for cell in asked.cell or CELLS[asked.others :]:
        mark = "store" if cell.endswith("/1") else "workers"
        marked = (
            [] if cell == CELLS[0] else ["-m", mark] if asked.short else [f"--ignore=tests/{name}" for name in ALIKE]
        )
        print(f"\n=== {cell}", flush=True)
        began = time.monotonic()
        code = again.run(["-q", *marked, *asked.pytest], environment={**os.environ, "TEST_CELL": cell})
        red = red or code != 0
        told.append(f"{cell:22} {'green' if code == 0 else 'RED':6} {time.monotonic() - began:5.0f} s")
    print("\n=== summary", *told, sep="\n")
    return int(red)


if __name__ == "__main__":
    raise SystemExit(main())
