"""Every rule: its page is whole, its bad program is found, its good one is left alone, and so are its further cases.

Further cases lie in `tests/checker/rules/<name of the rule's file>/`: `bad_*.py` and `good_*.py`, or folders of these
names for programs of several files.
"""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import pytest

from checker.programs import SECTIONS, found, is_static, page, regular, section, write
from fastness.checker.finding import Persona
from fastness.checker.rule import Rule
from fastness.checker.rulebook import built_in
from fastness.core.catalog import load

RULES = list(built_in())
STATIC = [rule for rule in RULES if is_static(rule)]
CASES = sorted((Path(__file__).parent / "rules").glob("*/*"))


def named(rule: type[Rule]) -> str:
    return rule.id


@pytest.mark.parametrize("rule", RULES, ids=named)
def test_a_rule_says_what_it_is(rule: type[Rule]) -> None:
    headings = [line.removeprefix("## ") for line in page(rule).splitlines() if line.startswith("## ")]

    assert headings == list(SECTIONS)
    assert rule.control in load()
    assert rule.why
    assert rule.fix


@pytest.mark.parametrize("rule", STATIC, ids=named)
def test_the_bad_program_is_found(rule: type[Rule], tmp_path: Path) -> None:
    write(tmp_path, section(rule, "Bad"))

    assert {finding.rule for finding in found(tmp_path, [rule])} == {rule.id}


@pytest.mark.parametrize("rule", STATIC, ids=named)
def test_the_good_program_is_left_alone(rule: type[Rule], tmp_path: Path) -> None:
    write(tmp_path, section(rule, "Good"))

    assert regular(found(tmp_path, [rule]), rule) == []


def test_the_good_programs_are_left_alone_by_every_rule_that_a_maintainer_reads(tmp_path: Path) -> None:
    said: dict[str, list[str]] = {}
    for rule in STATIC:
        folder = tmp_path / rule.id
        write(folder, section(rule, "Good"))
        said[rule.id] = [f"{f.rule} {f.message}" for f in found(folder, STATIC) if f.persona == 1]

    assert {rule: messages for rule, messages in said.items() if messages} == {}


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.parent.name}/{case.name}")
def test_a_further_case_is_judged_right(case: Path, tmp_path: Path) -> None:
    rule = next(r for r in RULES if r.__module__.rpartition(".")[2] == case.parent.name)
    if case.is_dir():
        shutil.copytree(case, tmp_path, dirs_exist_ok=True)
    else:
        write(tmp_path, case.read_text())

    everything = found(tmp_path, [rule])
    quiet = [f.message for f in everything if f.persona is Persona.REGULAR]

    # `quiet_`: what a maintainer would not act on, and a careful reader may see.
    messages = quiet if case.name.startswith("quiet_") else regular(everything, rule)
    assert bool(messages) == case.name.startswith("bad_"), messages


def test_no_two_rules_share_an_id_or_a_name() -> None:
    ids, names = Counter(rule.id for rule in RULES), Counter(rule.name for rule in RULES)

    assert {used: count for used, count in (ids + names).items() if count > 1} == {}
