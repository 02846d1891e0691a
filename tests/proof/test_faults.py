"""The short form of each fault experiment; `python tools/faults.py` runs the long one, which also measures."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from cells import ALL, Cell, chosen
from proof.faults.experiment import Experiment, Trial, at_least, only, within
from proof.faults.table import EXPERIMENTS

pytestmark = [pytest.mark.anyio, pytest.mark.store]

COMMAND = Path(__file__).parents[2] / "tools/faults.py"
BY_NAME = {str(cell): cell for cell in ALL}
SHORT = [
    pytest.param(
        experiment,
        BY_NAME[name],
        id=f"{experiment.number}-{name}",
        marks=pytest.mark.workers if BY_NAME[name].workers > 1 else (),
    )
    for experiment in EXPERIMENTS
    for name in experiment.short
    if chosen() in {None, BY_NAME[name]}
]


@pytest.mark.parametrize(("experiment", "cell"), SHORT)
async def test_a_fault_is_endured(experiment: Experiment, cell: Cell, tmp_path: Path) -> None:
    assert experiment.run is not None

    figures = await experiment.run(Trial(cell=cell, folder=tmp_path, seed=1, short=True))

    assert [figure for figure in figures if not figure.good and not figure.timed] == []


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("2", "there is no experiment 2"),
        ("16 --no-tests", "experiment 16 is its tests alone"),
        ("1 --short --no-tests", "experiment 1 is its tests alone in the short form"),
        ("5 --cell sqlite+memory/1", "experiment 5 does not run in sqlite+memory/1"),
        ("8 --repeat 0", "at least one"),
    ],
)
def test_a_command_that_would_run_nothing_says_so_and_is_no_pass(asked: str, told: str) -> None:
    done = subprocess.run([sys.executable, COMMAND, *asked.split()], capture_output=True, text=True, check=False)

    assert done.returncode == 2
    assert told in done.stderr


def test_of_repeats_the_worst_of_each_figure_is_told() -> None:
    spec = importlib.util.spec_from_file_location("faults_command", COMMAND)
    assert spec is not None
    assert spec.loader is not None
    command = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(command)
    first = [within("slowest", 1.5, 5), at_least("kills", 30, 20), only("answers", Counter([200]), {200})]
    second = [within("slowest", 4.25, 5), at_least("kills", 25, 20), only("answers", Counter([200, 500]), {200})]

    told = command.worst([first, second, first])

    assert [figure.seen for figure in told] == ["4.25 s", "25", "1 x 200, 1 x 500"]
