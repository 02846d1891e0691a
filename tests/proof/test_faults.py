"""The short form of each fault experiment; `python tools/faults.py` runs the long one, which also measures."""

from __future__ import annotations

from pathlib import Path

import pytest

from cells import ALL, Cell, chosen
from proof.faults.experiment import Experiment, Trial
from proof.faults.table import EXPERIMENTS

pytestmark = [pytest.mark.anyio, pytest.mark.store]

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
