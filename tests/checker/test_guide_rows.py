"""Every place where the guide is wrong has a rule that finds it, or a reason why none does."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from typing import Any

import pytest

from fastness.checker.rulebook import built_in
from fastness.checker.score import defect_class

DOCUMENT: Any = tomllib.loads(files("fastness.checker").joinpath("guide_rows.toml").read_text(encoding="utf-8"))
ROWS: list[Any] = DOCUMENT["row"]


def test_all_57_rows_are_there() -> None:
    assert [row["number"] for row in ROWS] == list(range(1, 58))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row["number"]))
def test_a_row_has_a_rule_or_a_reason(row: Any) -> None:
    assert row["says"]
    assert row["rules"] or row.get("reason"), "say which rule finds it, or why none does"


def test_every_rule_that_a_row_names_exists() -> None:
    named = {rule for row in ROWS for rule in row["rules"]}
    known = {rule.id for rule in built_in()}

    assert sorted(named - known) == []


def test_a_class_of_defect_belongs_to_a_rule_of_the_catalogue() -> None:
    assert {defect_class(rule.id) for rule in built_in()} >= {"", "no-auth", "cors"}
