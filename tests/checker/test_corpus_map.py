"""The map that the scorer reads and the one of the SARIF report are the same."""

from __future__ import annotations

import json
import tomllib
from importlib.resources import files
from pathlib import Path

CLASSES = Path(__file__).parents[2] / "bench" / "corpus" / "classes.json"


def test_the_scorers_map_is_that_of_the_sarif_report() -> None:
    ours = tomllib.loads(files("fastness.checker").joinpath("classes.toml").read_text(encoding="utf-8"))

    assert json.loads(CLASSES.read_text()) == ours
