"""Each report says what the run found, in the words of its format."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import jsonschema_rs
import pytest

from checker.sample import CORS, LOW, OPEN, outcome, written
from fastness.checker import reports
from fastness.checker.finding import Place, Severity
from fastness.checker.outcome import Audit, Loading, Outcome
from fastness.checker.score import api_top_10, asvs, document, grade

SCHEMA = Path(__file__).parents[1] / "data" / "sarif" / "sarif-2.1.0-rtm.5.json"
LAST = re.compile(
    r"Found \d+ problems?( \([^)]*\))? in \d+ routes?, \d+ files?, \d+\.\d s\.( \d+ fixable with --fix\.)?\Z"
)
BLIND: dict[str, Any] = {"files": 0, "applications": (), "findings": (), "silenced": ()}


def test_text_gives_the_four_parts_with_the_quoted_line(tmp_path: Path) -> None:
    text = reports.render(outcome(written(tmp_path)), "text")

    block = text[text.index("high[FN601]") :].split("\n\n")[0]
    assert block.splitlines() == [
        "high[FN601] cors-any-origin: every origin is allowed, with credentials",
        " --> app/main.py:7:5",
        "  |",
        '7 |     allow_origins=["*"], allow_credentials=True,',
        "  |     " + "^" * 44,
        "  = why: any site can call this API with the visitor's cookies",
        '  = fix: allow_origins=["https://app.example.com"]  (fastness check --fix writes it)',
        "  = sure: high",
        "  = more: fastness explain FN601",
    ]


def test_text_begins_with_coverage_and_ends_with_the_line_that_counts(tmp_path: Path) -> None:
    lines = reports.render(outcome(written(tmp_path)), "text").splitlines()

    assert lines[:6] == [
        "2 files read, 1 skipped",
        "  skipped app/broken.py: not Python that this release can read",
        "loaded with FastAPI 0.165.0",
        "3 routes seen of 3: 1 guarded, 1 public, 0 with an optional user, 1 unknown",
        "packages: partly audited, 12 versions against the built-in table of 2026-11-23",
        "silenced: 1 by comment",
    ]
    assert lines[-1] == (
        "Found 3 problems (1 critical, 1 high, 1 low) in 3 routes, 2 files, 0.8 s. 1 fixable with --fix."
    )


def test_a_proof_comes_with_request_and_answer() -> None:
    text = reports.render(outcome(), "text")

    assert "= proved: a stranger was answered 200 POST /orders/1 HTTP/1.1\n" in text
    assert "200 OK" in text


def test_the_text_has_colours_only_when_asked() -> None:
    assert "\x1b" not in reports.render(outcome(), "text")
    assert "\x1b[1;31mhigh[FN601] cors-any-origin\x1b[0m" in reports.render(outcome(), "text", colour=True)


@pytest.mark.parametrize("form", ["text", "concise", "html", "junit", "markdown"])
def test_a_name_from_the_target_drives_no_terminal(form: str) -> None:
    hostile = replace(OPEN, message="clear \x1b[2J screen \u202e turned", place=Place("app/main.py", 1))

    assert not set("\x1b\u202e") & set(reports.render(outcome(Path(), hostile), form))


@pytest.mark.parametrize("form", ["text", "concise", "github"])
def test_the_last_line_counts(form: str) -> None:
    assert LAST.match(reports.render(outcome(), form).splitlines()[-1])


@pytest.mark.parametrize("form", reports.FORMATS)
def test_a_run_that_saw_nothing_is_never_called_clean(form: str) -> None:
    said = reports.render(outcome(**BLIND), form).lower()

    assert "not analysed" in said or "no route was found" in said
    assert "passed" not in said


def test_concise_is_one_line_a_problem() -> None:
    first = reports.render(outcome(), "concise").splitlines()[1]

    assert first == "app/main.py:7:5: FN601 high cors-any-origin: every origin is allowed, with credentials"


def test_json_follows_the_schema_of_the_design() -> None:
    report = json.loads(reports.render(outcome(), "json"))

    assert (report["schema"], report["status"]) == (1, "findings")
    assert {"files": 2, "routes": 3, "routes_total": 3}.items() <= report["seen"].items()
    assert report["seen"]["packages"]["complete"] is False
    first = report["findings"][0]
    assert {"rule", "name", "message", "severity", "confidence", "path", "line", "end_line", "route", "owasp", "asvs",
            "fingerprint"} <= first.keys()  # fmt: skip
    assert (first["severity"], first["confidence"], first["end_line"]) == ("critical", "proved", 13)
    assert report["silenced"][0]["reason"] == "behind the VPN"


@pytest.mark.parametrize("run", [outcome(), outcome(**BLIND)], ids=["findings", "blind"])
def test_sarif_is_valid(run: Outcome) -> None:
    # One pattern holds a bracket that JavaScript takes as itself and Rust does not.
    schema = SCHEMA.read_text(encoding="utf-8").replace("{2}]?$", "{2}\\\\]?$")
    validator = jsonschema_rs.validator_for(json.loads(schema))

    problems = [error.message for error in validator.iter_errors(json.loads(reports.render(run, "sarif")))]

    assert problems == []


def test_sarif_carries_class_scope_fingerprint_fix_and_suppression() -> None:
    run = json.loads(reports.render(outcome(), "sarif"))["runs"][0]

    opened, cors, _, silenced = run["results"]
    assert (cors["properties"]["class"], cors["properties"]["scope"], cors["level"]) == ("cors", "line", "error")
    assert opened["properties"]["class"] == "no-auth"
    assert cors["partialFingerprints"] == {"fastness/v1": CORS.fingerprint}
    assert run["tool"]["driver"]["rules"][cors["ruleIndex"]]["id"] == "FN601"
    (change,) = cors["fixes"][0]["artifactChanges"]
    assert change["replacements"][0]["deletedRegion"] == {
        "startLine": 7,
        "startColumn": 20,
        "endLine": 7,
        "endColumn": 23,
    }
    assert silenced["suppressions"] == [{"kind": "inSource", "status": "accepted", "justification": "behind the VPN"}]
    assert "suppressions" not in cors


def test_a_blind_run_is_no_successful_execution_in_sarif() -> None:
    (invocation,) = json.loads(reports.render(outcome(**BLIND), "sarif"))["runs"][0]["invocations"]

    assert (invocation["executionSuccessful"], invocation["exitCode"]) == (False, 3)


def test_junit_fails_the_rules_at_the_level_and_passes_the_others() -> None:
    suite = ET.fromstring(reports.render(outcome(), "junit"))[0]

    failed = {case.get("name") for case in suite if case.find("failure") is not None}
    assert failed == {"FN101 route-without-authentication", "FN601 cors-any-origin"}
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("5", "2", "0")
    assert ET.fromstring(reports.render(outcome(**BLIND), "junit"))[0].get("errors") == "1"


def test_github_annotations_escape_what_would_end_a_command() -> None:
    first, *_, low, _ = reports.render(outcome(), "github").splitlines()

    assert first.startswith("::error file=app/main.py,line=11,endLine=13,title=FN101 route-without-authentication::")
    assert low.startswith("::notice file=app/other%2C file.py,line=3,")


def test_markdown_keeps_a_strangers_text_out_of_the_markup() -> None:
    text = reports.render(outcome(), "markdown")

    assert "<script>" not in text
    assert "| low | FN402 unbounded-text | `app/other, file.py:3` | title \\| text has no maximum |" in text


class Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.outside: list[str] = []
        self.anchors: set[str] = set()
        self.links: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.tags.append(tag)
        if tag not in {"meta", "br", "circle", "rect"}:
            self.open.append(tag)
        self.outside += [v or "" for k, v in attrs if k in {"src", "href", "action"} and not (v or "").startswith("#")]
        self.anchors.add(given.get("id") or "")
        self.links.add((given.get("href") or "").removeprefix("#"))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in {"circle", "rect"}:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_html_is_one_file_without_script_and_with_every_part(tmp_path: Path) -> None:
    text = reports.render(outcome(written(tmp_path)), "html")
    page = Page()

    page.feed(text)

    assert page.open == []
    assert "script" not in page.tags
    assert page.outside == [], "it needs nothing from elsewhere"
    assert page.links <= page.anchors | {""}, "every link leads to a finding"
    assert page.tags.count("svg") == 3
    for words in ("Who may call what", "OWASP API Security Top 10:2023", "OWASP ASVS 5.0", "behind the VPN",
                  "prefers-color-scheme: dark", "@media print", "allow_origins=[&quot;*&quot;]"):  # fmt: skip
        assert words in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text


def test_a_grade_needs_sight() -> None:
    assert grade(outcome(**BLIND)) == "-"
    assert grade(outcome(Path(), LOW)) == "B", "a partial audit is never an A"
    whole = outcome(Path(), LOW, skipped=(), audit=Audit("OSV records", complete=True, packages=12))
    assert grade(whole) == "A"
    assert grade(outcome(Path(), CORS)) == "C"
    assert grade(outcome()) == "F"


def test_a_score_says_failed_nothing_found_or_not_checked() -> None:
    run = outcome()

    told = {requirement.id: requirement.verdict for requirement in (*asvs(run), *api_top_10(run))}
    assert (told["3.4.2"], told["6.2.1"], told["9.1.1"]) == ("failed", "nothing found", "not checked")
    assert (told["API2:2023"], told["API7:2023"]) == ("failed", "not checked")
    row = next(row for row in document(run)["asvs"] if row["id"] == "3.4.2")
    assert row == {
        "id": "3.4.2",
        "level": 1,
        "status": "failed",
        "proofs": ["FN601", CORS.fingerprint, LOW.fingerprint],
    }


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, 1),
        ({"fail_on": Severity.CRITICAL}, 1),
        ({"findings": (LOW,)}, 0),
        ({"findings": (LOW,), "fail_on": Severity.LOW}, 1),
        ({"findings": ()}, 0),
        (BLIND, 3),
        ({"loading": Loading(asked=True, done=False, text="ImportError: no module named jose")}, 3),
        ({"findings": (), "audit": Audit("OSV records", problem="no record in advisories/")}, 3),
    ],
)
def test_the_exit_code_is_a_contract(changes: dict[str, Any], code: int) -> None:
    assert outcome(Path(), **changes).exit_code == code
