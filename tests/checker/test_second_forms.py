"""Every rule meets its defect in a form that nobody had in mind when it was written.

`missed.toml` beside the forms names those that are not found, each with its reason. It may only shrink: a form of it that is
found, and a miss that it does not name, both fail.
"""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from checker.second_forms import FORMS, RULES, findings
from fastness.checker.rule import Rule

LEAST = 0.85
PAGE = Path(__file__).parents[2] / "docs" / "checker-accuracy.md"
MISSED: dict[str, str] = tomllib.loads((FORMS / "missed.toml").read_text())


def test_every_rule_has_a_second_form() -> None:
    assert {path.stem for path in FORMS.glob("FN*.txt")} == {rule.id for rule in RULES}


def test_enough_of_them_are_found() -> None:
    assert set(MISSED) <= {rule.id for rule in RULES}
    assert all(MISSED.values())
    assert 1 - len(MISSED) / len(RULES) >= LEAST


def test_the_page_says_how_many() -> None:
    found = len(RULES) - len(MISSED)

    assert f"{found} of {len(RULES)} ({found / len(RULES):.0%}) are found now" in PAGE.read_text()


@pytest.mark.timeout(120)
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_the_second_form_is_found_or_known_to_be_missed(rule: type[Rule], tmp_path: Path) -> None:
    said = [f"{f.rule} {f.message}" for f in findings(rule, tmp_path)]

    assert any(one.startswith(rule.id) for one in said) is (rule.id not in MISSED), said
