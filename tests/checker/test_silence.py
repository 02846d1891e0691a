"""Living with findings: comments, settings, personas, baseline; nothing is silenced in vain or for ever."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from checker.sample import CORS, LOW, MAIN, AnyOrigin, OpenRoute, ShortPassword
from fastness.checker import baseline
from fastness.checker.comments import Comment, comments_of
from fastness.checker.finding import Confidence, Finding, Persona, Place
from fastness.checker.rulebook import Rulebook, UnknownRuleError, built_in
from fastness.checker.settings import CheckSettings
from fastness.checker.silence import Silence, silence

BOOK = Rulebook((OpenRoute, ShortPassword, AnyOrigin, *built_in()))


def found(line: int, path: str = "app/main.py", **changes: Any) -> Finding:
    return replace(CORS, place=Place(path, line), **changes)


def comments(text: str, path: str = "app/main.py") -> list[Comment]:
    return list(comments_of({path: text}, BOOK))


def silenced(*findings: Finding, settings: CheckSettings | None = None, **given: Any) -> Silence:
    return silence(findings, settings=settings or CheckSettings(), book=BOOK, ran=given.pop("ran", BOOK), **given)


def rules(run: Silence) -> list[str]:
    return [finding.rule for finding in run.shown]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("x = 1  # fastness: ignore[FN601] the VPN\n", 1),
        ("x = 1  # fastness: ignore[cors-any-origin] the VPN\n", 1),
        ("x = 1  #fastness:ignore[FN101, FN601] the VPN\n", 1),
        ("# fastness: ignore[FN601] the VPN\nx = 1\n", 2),
        ("# fastness: ignore[FN601] the VPN\n# and another remark\n\nx = 1\n", 4),
    ],
)
def test_a_comment_silences_its_line_or_the_next_code(text: str, line: int) -> None:
    run = silenced(found(line), comments=comments(text))

    assert rules(run) == []
    assert [(s.by, s.reason) for s in run.silenced] == [("comment", "the VPN")]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("x = 1  # fastness: ignore[FN601] the VPN\ny = 2\n", 2),
        ("x = '# fastness: ignore[FN601] inside a string'\n", 1),
        ("x = 1  # fastness: ignore[FN101] another rule\n", 1),
        ("x = 1  # fastness: ignored [FN601] no\n", 1),
    ],
)
def test_a_comment_silences_nothing_else(text: str, line: int) -> None:
    run = silenced(found(line), comments=comments(text))

    assert "FN601" in rules(run)


def test_a_comment_after_the_last_line_of_a_statement_counts() -> None:
    text = "call(\n    '*',\n)  # fastness: ignore[FN601] the VPN\n"

    run = silenced(replace(CORS, place=Place("app/main.py", 1, 3)), comments=comments(text))

    assert rules(run) == []


def test_other_files_have_the_same_comment() -> None:
    run = silenced(found(1, ".env"), comments=comments("A=1  # fastness: ignore[FN601] sample\n", ".env"))

    assert rules(run) == []


def test_an_unknown_rule_in_a_comment_is_an_error_that_says_where_and_what_was_meant() -> None:
    with pytest.raises(
        UnknownRuleError, match=r"app/main\.py:2: unknown rule 'cors-any-orgin'; did you mean 'cors-any-origin'"
    ):
        comments("\nx = 1  # fastness: ignore[cors-any-orgin] the VPN\n")


@pytest.mark.parametrize(
    ("comment", "message"),
    [
        ("# fastness: ignore the VPN", "names no rule"),
        ("# fastness: ignore[FN601]", "gives no reason"),
        ("# fastness: ignore[FN601] the VPN", "nothing here needs the suppression of FN601"),
    ],
)
def test_a_vain_suppression_is_a_finding(comment: str, message: str) -> None:
    needed = [found(1)] if "reason" in message else []
    run = silenced(*needed, comments=comments(f"x = 1  {comment}\n"))

    (one,) = run.shown
    assert (one.rule, one.place.line) == ("FN904", 1)
    assert message in one.message


def test_a_suppression_of_a_rule_that_did_not_run_is_not_called_unused() -> None:
    ran = BOOK.chosen(ignore=["FN601"])

    assert rules(silenced(comments=comments("x = 1  # fastness: ignore[FN601] the VPN\n"), ran=ran)) == []


def test_a_suppression_of_what_only_an_attack_sees_is_not_called_unused_without_attacks() -> None:
    class Attacking(AnyOrigin):
        id, name = "FN602", "foreign-origin-reflected"

        async def attack(self, attacker: Any) -> Any:
            yield attacker

    book = Rulebook((*BOOK, Attacking))
    note = list(comments_of({"app/main.py": "x = 1  # fastness: ignore[FN602] the VPN\n"}, book))

    def run(*lenses: Any) -> list[str]:
        return rules(
            silence((), settings=CheckSettings(), book=book, ran=book, lenses=frozenset(lenses), comments=note)
        )

    assert run("read", "inspect") == []
    assert run("read", "inspect", "attack") == ["FN904"]


def test_a_comment_about_a_pedantic_finding_is_not_unused_in_a_regular_run() -> None:
    run = silenced(found(1, persona=Persona.PEDANTIC), comments=comments("x = 1  # fastness: ignore[FN601] the VPN\n"))

    assert rules(run) == []


def test_settings_silence_by_path_and_personas_and_confidence_hide() -> None:
    settings = CheckSettings(per_path_ignores={"tests/*": ("cors-any-origin",)}, min_confidence=Confidence.MEDIUM)

    run = silenced(found(1, "tests/x.py"), found(1), LOW, found(2, persona=Persona.AUDITOR), settings=settings)

    assert [finding.place for finding in run.shown] == [Place("app/main.py", 1)]
    assert [s.by for s in run.silenced] == ["setting"]


def test_the_worst_goes_first() -> None:
    assert rules(silenced(LOW, found(1))) == ["FN601", "FN402"]


def written(tmp_path: Path, *findings: Finding) -> baseline.Baseline:
    file = tmp_path / "baseline.json"
    file.write_text(baseline.text_of(findings))
    return baseline.read(file, shown="baseline.json")


def test_a_baseline_hides_what_is_known_and_shows_what_is_new(tmp_path: Path) -> None:
    run = silenced(found(40), LOW, baseline=written(tmp_path, found(7)))

    assert rules(run) == ["FN402"], "the known one moved by 33 lines and is still known"
    assert [s.by for s in run.silenced] == ["baseline"]


def test_a_second_one_like_a_known_one_is_new(tmp_path: Path) -> None:
    known = written(tmp_path, found(7))

    assert rules(silenced(found(7), found(9), baseline=known)) == ["FN601"]
    assert rules(silenced(found(7), found(9), baseline=written(tmp_path, found(7), found(9)))) == []


def test_a_repaired_finding_leaves_an_obsolete_entry(tmp_path: Path) -> None:
    run = silenced(baseline=written(tmp_path, CORS))

    (one,) = run.shown
    assert (one.rule, one.place.path) == ("FN905", "baseline.json")
    assert CORS.fingerprint in (tmp_path / "baseline.json").read_text().splitlines()[one.place.line - 1]


def test_an_entry_of_a_rule_that_did_not_run_is_not_obsolete(tmp_path: Path) -> None:
    assert rules(silenced(baseline=written(tmp_path, CORS), ran=BOOK.chosen(ignore=["FN601"]))) == []


def test_a_baseline_is_stable_text(tmp_path: Path) -> None:
    assert baseline.text_of([CORS, LOW]) == baseline.text_of([LOW, CORS])
    assert json.loads(baseline.text_of([]))["findings"] == []


@pytest.mark.parametrize("text", ["", "[]", '{"schema": 2, "findings": []}', '{"schema": 1, "findings": [{}]}'])
def test_what_is_no_baseline_is_an_error_that_names_the_file(tmp_path: Path, text: str) -> None:
    (tmp_path / "baseline.json").write_text(text)

    with pytest.raises(baseline.BaselineError, match=r"baseline\.json"):
        baseline.read(tmp_path / "baseline.json")


def test_the_sample_is_python() -> None:
    compile(MAIN, "main.py", "exec")
