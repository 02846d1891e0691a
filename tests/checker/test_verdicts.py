"""What the checker says about public applications: every finding judged, few of them, nearly all right."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

from fastness.checker.rulebook import built_in

DATA = Path(__file__).parents[1] / "data" / "verdicts"
ENOUGH, PRECISION, PER_THOUSAND, SENTENCE = 20, 0.9, 1, 160
"""Repositories at least, share of right findings at least, findings per thousand lines at most, characters of a reason."""
COMMIT = re.compile(r"[0-9a-f]{40}")


def test_every_verdict_names_a_place_a_rule_and_one_short_reason() -> None:
    rules = {rule.id for rule in built_in()}

    for row in _rows("verdicts.jsonl"):
        assert list(row) == ["repository", "commit", "path", "line", "rule", "verdict", "why"], row
        assert row["rule"] in rules, row
        assert row["verdict"] in {"right", "wrong"}, row
        assert row["line"] >= 1, row
        assert not {"", "/", ".."} & set(row["path"].split("/")), row
        assert 0 < len(row["why"].strip()) <= SENTENCE, row
        assert "\n" not in row["why"], row


def test_every_repository_is_named_with_its_commit_and_was_read_whole() -> None:
    repositories = _rows("repositories.jsonl")

    assert len({row["repository"] for row in repositories}) == len(repositories)
    assert sum(row["group"] == "read" for row in repositories) >= ENOUGH
    for row in repositories:
        assert COMMIT.fullmatch(row["commit"]), row
        assert row["group"] in {"read", "fresh"}, row
        assert min(row["lines"], row["routes"]) > 0, row
        assert row["skipped"] == 0, row
    commits = {row["repository"]: row["commit"] for row in repositories}
    assert all(row["commit"] == commits[row["repository"]] for row in _rows("verdicts.jsonl"))


def test_every_finding_was_judged_once() -> None:
    verdicts = _rows("verdicts.jsonl")

    places = Counter((row["repository"], row["path"], row["line"], row["rule"]) for row in verdicts)
    assert [place for place, times in places.items() if times > 1] == []
    judged = Counter(row["repository"] for row in verdicts)
    found = {row["repository"]: row["findings"] for row in _rows("repositories.jsonl") if row["findings"]}
    assert judged == found


def test_nine_of_ten_findings_are_right_where_rules_were_repaired() -> None:
    read = {row["repository"] for row in _rows("repositories.jsonl") if row["group"] == "read"}
    verdicts = [row for row in _rows("verdicts.jsonl") if row["repository"] in read]

    right = sum(row["verdict"] == "right" for row in verdicts)

    assert right / len(verdicts) >= PRECISION


def test_there_is_at_most_one_finding_in_a_thousand_lines() -> None:
    repositories = _rows("repositories.jsonl")

    findings, lines = (sum(row[key] for row in repositories) for key in ("findings", "lines"))

    assert 1000 * findings / lines <= PER_THOUSAND


def _rows(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (DATA / name).read_text(encoding="utf-8").splitlines()]
