"""The checker finds nothing in the repository that it comes from, nor in the examples that people copy."""

from __future__ import annotations

from pathlib import Path

import pytest

from fastness.checker.checking import Request, check
from fastness.checker.settings import read

ROOT = Path(__file__).parents[2]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("folder", [".", "examples/minimal", "examples/guide", "examples/full"])
def test_nothing_is_found_in_ourselves(folder: str) -> None:
    root = ROOT / folder

    outcome = check(Request(root, settings=read(root))).outcome

    assert outcome.files
    assert [f"{f.place.path}:{f.place.line}: {f.rule} {f.message}" for f in outcome.findings] == []


def test_a_folder_that_is_left_out_is_checked_when_it_is_asked_for() -> None:
    root = ROOT / "examples" / "vulnerable"

    assert check(Request(root, settings=read(root))).outcome.findings
