"""Change one small thing at a time in the controls that decide, and see whether their tests notice.

    python tools/mutate.py                     every control below; most of an hour on two cores
    python tools/mutate.py sealing csrf        these
    python tools/mutate.py --only token.py:40  changes of this file, or of this line
    python tools/mutate.py --report            also write the figures and the survivors into docs/mutation.md
    python tools/mutate.py --again --report    only the changes that docs/mutation.md lists, after new tests: takes it
                                               that all others are still noticed, so run what you changed
                                               in the controls with --only too

Each change (tools/mutants.py) is made in a copy (tools/mutation_slot.py), and only the tests of its control run on it,
until the first that fails. A run that takes several times as long as it should counts as noticed. Exit code 1 when less
than 90 % of a control's changes are noticed, or when the page gives no reason for one that is not.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from mutants import mutants
from mutation_page import Figures, figures_of, known_of, write
from mutation_slot import ROOT, Run, Slot

PACKAGE = "src/fastness"
PAGE = ROOT / "docs" / "mutation.md"
GOAL = 0.9
LONGEST = 120.0
"""Seconds for the tests of a control on a copy that is imported anew."""
CONTROLS = {
    "tokens": (["controls/tokens"], ["controls/test_tokens_*.py", "proof/advisories/test_flaws_of_token_*.py"]),
    "access": (["controls/access"], ["controls/test_access*.py", "test_shortcut.py", "test_deny_by_default.py"]),
    "policy": (["core/policy.py"], ["core/test_policy.py", "controls/test_access.py"]),
    "limits": (["controls/limits"], ["controls/test_limits_*.py", "proof/advisories/test_flaws_of_limits.py"]),
    "csrf": (["controls/csrf"], ["controls/test_csrf*.py", "test_browser.py"]),
    "sealing": (["controls/sealing.py"], ["controls/test_sealing.py"]),
}
SETTINGS = "tests/house/test_docs.py::test_generated_parts_are_fresh"
"""Defaults and bounds stand in the documentation, and this compares them."""
HEAVY = (
    "pytest", "_pytest.assertion.rewrite", "hypothesis", "fastapi", "starlette.testclient", "pydantic_settings", "uvicorn",
    "httptools", "uvloop", "websockets.asyncio.client", "websockets.asyncio.server", "sqlalchemy.ext.asyncio",
    "sqlalchemy.dialects.postgresql.asyncpg", "sqlalchemy.dialects.sqlite.aiosqlite", "httpx2", "joserfc.jws", "joserfc.jwk",
    "cryptography.hazmat.primitives.asymmetric.rsa", "cryptography.hazmat.primitives.asymmetric.ec",
    "cryptography.hazmat.primitives.serialization", "argon2", "bcrypt", "redis.asyncio", "email_validator", "multipart",
    "anyio.pytest_plugin", "xdist.plugin", "pytest_timeout",
)  # fmt: skip
"""What the tests import of others; a fork has it already."""


def tests_of(control: str) -> list[str]:
    """The test files of a control, the quick ones first."""
    tests = ROOT / "tests"
    return [
        f"tests/{path.relative_to(tests)}" for pattern in CONTROLS[control][1] for path in sorted(tests.glob(pattern))
    ]


def changes(control: str, only: str) -> Iterator[Run]:
    """Every change to the files of a control, or to what `only` names."""
    for place in CONTROLS[control][0]:
        path = ROOT / PACKAGE / place
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            source = file.read_bytes()
            for mutant in mutants(source):
                if not only or f"{file}:{mutant.line}:".find(only + ":") >= 0 or str(file).endswith(only):
                    yield Run(control, file, source, mutant)


def all_runs(control: str, runs: list[Run], slots: list[Slot]) -> None:
    """Run these changes of a control, as many at once as there are slots."""
    tests = tests_of(control)
    began = time.monotonic()
    noticed = {id(run) for run in slots[0].live(runs, tests, len(slots))}
    left = [run for run in runs if id(run) not in noticed]
    print(
        f"{control}: {len(noticed)} of {len(runs)} noticed in {time.monotonic() - began:.0f} s, {len(left)} left",
        flush=True,
    )
    left.reverse()
    while left or any(slot.run for slot in slots):
        for slot in slots:
            if slot.run is not None and (over := slot.end()) is not None:
                slot.mend(over)
                if not over.noticed:
                    print(f"  not noticed  {over}", flush=True)
            if slot.run is None and left:
                run = left.pop()
                slot.begin(run, [*tests, SETTINGS] if run.file.name == "settings.py" else tests, LONGEST)
        time.sleep(0.02)


def settled(control: str, runs: list[Run]) -> int:
    """Count those that the page does not list as noticed; how many of these took too long when they were run."""
    page = PAGE.read_text(encoding="utf-8")
    figures, listed = figures_of(page).get(control), set(known_of(page, control))
    if figures is None:
        raise SystemExit(f"{control} was never run whole: run it without --again")
    for run in runs:
        if run.name not in listed:
            run.code = 1
    return figures.late


def main() -> int:
    """Print each change that no test noticed, and a table; 0 when enough were noticed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("control", nargs="*", help=", ".join(CONTROLS))
    parser.add_argument("--only", default="", help="changes of this file, or FILE:LINE")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--again", action="store_true", help="only the changes that the page lists")
    parser.add_argument("--report", action="store_true", help=f"write {PAGE.relative_to(ROOT)}, whose reasons stay")
    asked = parser.parse_args()
    for name in HEAVY:
        importlib.import_module(name)
    enough, told = True, list[str]()
    tables, survivors = dict[str, Figures](), dict[str, list[str]]()
    with tempfile.TemporaryDirectory(prefix="fastness-mutate-") as scratch:
        slots = [Slot(Path(scratch).resolve() / str(number)) for number in range(asked.jobs)]
        for control in asked.control or CONTROLS:
            began = time.monotonic()
            runs = list(changes(control, asked.only))
            late = settled(control, runs) if asked.again else 0
            all_runs(control, [run for run in runs if not run.noticed], slots)
            noticed, late = sum(run.noticed for run in runs), late + sum(run.code is None for run in runs)
            share = noticed / len(runs) if runs else 1.0
            enough = enough and share >= GOAL
            told.append(
                f"{control:8} {len(runs):5} changes {noticed:5} noticed ({late} by time) {share:7.1%} "
                f"{time.monotonic() - began:6.0f} s"
            )
            tables[control] = Figures(len(runs), noticed, late)
            survivors[control] = [run.name for run in runs if not run.noticed]
            print(told[-1], flush=True)
    print("\n=== summary", *told, sep="\n")
    if asked.report:
        enough = write(PAGE, tables, survivors) and enough
    return 0 if enough else 1


if __name__ == "__main__":
    sys.exit(main())
