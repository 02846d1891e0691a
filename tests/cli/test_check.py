"""`fastness check` and its neighbours, as people and CI call them: reports, files, exit codes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from fastness.cli import run
from fastness.cli.application import COMMANDS

APP = """from fastapi import FastAPI
{more}
app = FastAPI()


@app.get("/health")
def health() -> str:
    return "ok"
"""
OLD = "python-multipart==0.0.17\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small application whose one problem is an old package."""
    monkeypatch.delenv("VIRTUAL_ENV", raising=False)
    (tmp_path / ".git").mkdir()
    (tmp_path / "main.py").write_text(APP.format(more=""))
    (tmp_path / "requirements.txt").write_text(OLD)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def settings(project: Path, text: str) -> None:
    (project / "pyproject.toml").write_text(f"[tool.fastness.check]\n{text}\n")


def said(capsys: pytest.CaptureFixture[str], *arguments: str, code: int) -> str:
    assert run(list(arguments)) == code
    return capsys.readouterr().out


def test_a_finding_ends_with_1_and_no_finding_with_0(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = said(capsys, "check", code=1)
    (project / "requirements.txt").write_text("python-multipart==0.0.34\n")
    clean = said(capsys, "check", ".", code=0)

    assert "high[FN801] vulnerable-package: python-multipart 0.0.17" in found
    assert clean.splitlines()[-1].startswith("Found 0 problems in 1 route, 1 file, ")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--fail-on", "critical"), 0),
        (("--exit-zero",), 0),
        (("--ignore", "FN801"), 0),
        (("--ignore", "vulnerable-package"), 0),
        (("--select", "FN9"), 0),
        (("--select", "FN8"), 1),
        (("--min-confidence", "proved"), 0),
        (("--persona", "pedantic"), 1),
    ],
)
def test_flags_decide_what_counts(project: Path, arguments: tuple[str, ...], code: int) -> None:
    assert run(["check", *arguments]) == code


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("nowhere",), "'nowhere' is no folder, no Python file and no module:app"),
        (("requirements.txt",), "neither a folder nor a Python file"),
        (("--format", "jsn"), "did you mean 'json'?"),
        (("--fail-on", "hihg"), "did you mean 'high'?"),
        (("--select", "vulnerable-pakage"), "did you mean 'vulnerable-package'?"),
        (("--probe",), "name it as module:app"),
        (("--output", "report.xyz"), "its end says no format"),
        (("--format", "json", "--format", "sarif"), "one --output each"),
        (("--diff", "HEAD"), "git knows no revision"),
        (("--baseline", "none.json"), "cannot be read"),
    ],
)
def test_wrong_usage_ends_with_2_and_one_sentence(
    project: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], words: str
) -> None:
    assert run(["check", *arguments]) == 2
    told = capsys.readouterr()
    assert words in told.err
    assert told.err.count("\n") == 1
    assert told.out == ""


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("selct = []", "did you mean 'select'?"),
        ("x = [", "is not TOML"),
        ('ignore = ["FN999"]', "unknown rule 'FN999'"),
    ],
)
def test_wrong_settings_end_with_2(project: Path, capsys: pytest.CaptureFixture[str], text: str, words: str) -> None:
    settings(project, text)

    assert run(["check"]) == 2
    assert words in capsys.readouterr().err


def test_no_route_and_no_file_end_with_3(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / ".git").mkdir()
    empty = said(capsys, "check", str(tmp_path), code=3)
    (tmp_path / "main.py").write_text("x = 1\n")
    routeless = said(capsys, "check", str(tmp_path), "--exit-zero", code=3)

    assert "not analysed: no file could be read" in empty
    assert "not analysed: no route was found" in routeless


def test_an_application_that_does_not_load_ends_with_3(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "main.py").write_text(APP.format(more="import nothing_of_this_name"))

    out = said(capsys, "check", "main:app", "--python", sys.executable, code=3)

    assert "FN902" in out
    assert "nothing_of_this_name" in out


def test_an_advisory_source_that_cannot_be_read_ends_with_3(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "osv").mkdir()

    out = said(capsys, "check", "--advisories", "osv", code=3)

    assert "packages: not audited" in out
    assert run(["check", "--advisories", "nowhere"]) == 3


def test_the_loaded_application_is_seen_and_said(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = said(capsys, "check", "main:app", "--python", sys.executable, "--ignore", "FN801", code=0)

    assert "main:app on FastAPI" in out


def test_static_mode_runs_nothing_of_the_target_and_needs_no_fastapi(project: Path) -> None:
    (project / "main.py").write_text(APP.format(more='open("ran", "w").write("x")'))
    (project / "rules.py").write_text('open("ran", "w").write("x")')
    settings(project, 'rules = ["rules"]')
    code = (
        "import sys; from fastness.cli import run; code = run(['check', '--format', 'json', '--output', 'r.json']); "
        "print(code, *sorted({n.partition('.')[0] for n in sys.modules} & {'fastapi', 'starlette', 'sqlalchemy', 'main'}))"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "1\n"
    assert "rules of the project's own (rules) were not run: --own-rules" in done.stderr
    assert not (project / "ran").exists()


def test_a_static_run_loads_nothing_but_the_standard_library_and_libcst(project: Path) -> None:
    # The command line alone loads more: typer reads arguments with pydantic.
    code = (
        "import sys; from pathlib import Path; bare = set(sys.modules); from fastness.checker.checking import Request, check; "
        "print(check(Request(Path())).outcome.status); "
        "print(*sorted({n.partition('.')[0] for n in set(sys.modules) - bare} - sys.stdlib_module_names))"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.split() == ["findings", "fastness"]


OWN = '''
from fastness.checker.finding import Place, Severity
from fastness.checker.rule import Rule


class NoLicense(Rule):
    """A rule of the project's own."""

    id, name, control, severity = "ACME101", "no-license", "access", Severity.HIGH
    why, fix = "the lawyers ask", "add one"

    def read(self, project):
        if not (project.root / "LICENSE").exists():
            yield self.found(Place("main.py"), "there is no licence")
'''


def test_a_target_in_the_settings_is_loaded_only_when_asked(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings(project, 'target = "main:app"\nignore = ["FN801"]')

    assert "static: the application was not loaded" in said(capsys, "check", code=0)
    assert "main:app on FastAPI" in said(capsys, "check", "--load", "--python", sys.executable, code=0)
    assert "main:app on FastAPI" in said(
        capsys, "check", ".", "--probe", "--exit-zero", "--python", sys.executable, code=0
    )
    settings(project, "")
    assert run(["check", "--load"]) == 2


BROKEN = OWN.replace("if not (project", "raise ValueError('oops')\n        if not (project").replace(
    "ACME101", "ACME102"
)


def test_a_rule_that_fails_hides_nothing_and_is_never_clean(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "broken_rules_of_acme.py").write_text(BROKEN)
    settings(project, 'rules = ["broken_rules_of_acme"]')

    out = said(capsys, "check", "--own-rules", code=3)

    assert "not analysed: rule ACME102 failed: ValueError: oops (broken_rules_of_acme.py:13)" in out
    assert "FN801" in out, "what the others found is there"


def test_a_check_that_fails_itself_ends_with_3(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("oops")

    monkeypatch.setattr("fastness.checker.checking.Project", broken)

    assert run(["check"]) == 3
    assert "the check itself failed" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("import nothing_here", "cannot be imported"),
        ("x = 1", "holds no class"),
        (OWN.replace("ACME101", "FN999"), "ids that begin with FN are ours"),
        (OWN.replace('"no-license"', '"vulnerable-package"'), "is taken by"),
    ],
)
def test_own_rules_that_cannot_be_used_end_with_2(
    project: Path, capsys: pytest.CaptureFixture[str], text: str, words: str
) -> None:
    name = f"bad_rules_{abs(hash(text))}"
    (project / f"{name}.py").write_text(text)
    settings(project, f'rules = ["{name}"]')

    assert run(["check", "--own-rules"]) == 2
    assert words in capsys.readouterr().err


def test_diff_reports_what_changed_alone(tmp_path: Path, project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / ".git").rmdir()
    who = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com", "-c", "commit.gpgsign=false")
    for words in (("init", "-q"), ("add", "."), ("commit", "-qm", "first")):
        subprocess.run(["git", *who, *words], cwd=project, check=True, capture_output=True)
    said(capsys, "check", "--diff", "HEAD", code=0)
    (project / "requirements.txt").write_text(f"{OLD}h11==0.14.0\n")

    out = said(capsys, "check", "--diff", "HEAD", "--format", "concise", code=1)

    assert [line.split(":")[:2] for line in out.splitlines()[:-1]] == [["requirements.txt", "2"]]


def test_own_rules_run_when_they_are_trusted(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "own_rules_of_acme.py").write_text(OWN)
    settings(project, 'rules = ["own_rules_of_acme"]\nselect = ["no-license"]')

    out = said(capsys, "check", "--own-rules", "--format", "concise", code=1)

    assert "main.py:1:1: ACME101 high no-license: there is no licence" in out


def test_several_formats_at_once_and_notes_go_to_stderr(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = run(
        ["check", "--format", "concise", "--format", "json", "-o", "a.json", "--format", "html", "-o", "b/c.html"]
    )

    told = capsys.readouterr()
    assert code == 1
    assert told.out.splitlines()[-1].startswith("Found 1 problem")
    assert json.loads((project / "a.json").read_text())["status"] == "findings"
    assert (project / "b" / "c.html").read_text().startswith("<!doctype html>")
    assert "json report in a.json" in told.err


def test_the_end_of_a_files_name_says_its_format(project: Path) -> None:
    assert run(["check", "-o", "r.sarif", "-o", "r.md"]) == 1
    assert json.loads((project / "r.sarif").read_text())["version"] == "2.1.0"
    assert (project / "r.md").read_text().startswith("## Fastness: grade C")


def test_a_baseline_is_written_and_then_only_new_findings_fail(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said(capsys, "check", "--write-baseline", "known.json", code=0)
    settings(project, 'baseline = "known.json"')
    known = said(capsys, "check", code=0)
    (project / "requirements.txt").write_text(f"h11==0.14.0\n{OLD}")
    new = said(capsys, "check", "--format", "concise", code=1)

    assert "silenced: 1 by baseline" in known
    assert [line.split(" ")[1] for line in new.splitlines()[:-1]] == ["FN801"]
    assert "h11" in new
    assert "python-multipart" in said(capsys, "check", "--no-ignores", code=1)


def test_a_comment_in_another_file_silences_with_its_reason(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "requirements.txt").write_text(OLD.rstrip() + "  # fastness: ignore[FN801] forms are never read\n")

    report = json.loads(said(capsys, "check", "--format", "json", code=0))

    assert report["silenced"][0]["reason"] == "forms are never read"


def test_an_unknown_rule_in_a_comment_ends_with_2(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "main.py").write_text("x = 1  # fastness: ignore[FN000] why\n")

    assert run(["check"]) == 2
    assert "main.py:1: unknown rule 'FN000'" in capsys.readouterr().err


def test_two_folders_are_one_report(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("one", "two"):
        (project / name).mkdir()
        (project / name / "main.py").write_text(APP.format(more=""))
    (project / "two" / "requirements.txt").write_text(OLD)

    out = said(capsys, "check", "one", "two", "--format", "concise", code=1)

    assert out.startswith("two/requirements.txt:1:1: FN801")
    assert "in 2 routes, 2 files" in out


def test_explain_and_rules_know_every_rule(capsys: pytest.CaptureFixture[str]) -> None:
    page = said(capsys, "explain", "vulnerable-package", code=0)
    listed = json.loads(said(capsys, "rules", "--format", "json", code=0))["rules"]

    assert page.startswith("# FN801 vulnerable-package\n")
    assert "## Bad\n```text\n# file: requirements.txt" in page
    assert {"id": "FN801", "name": "vulnerable-package"}.items() <= next(
        r for r in listed if r["id"] == "FN801"
    ).items()
    assert said(capsys, "explain", "fn801", code=0) == page
    assert run(["explain", "vulnerable-pakage"]) == 2


def test_routes_lock_shows_a_change_of_access(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = said(capsys, "routes", code=0)
    said(capsys, "routes", "--lock", "routes.lock", code=0)
    said(capsys, "routes", "--lock", "routes.lock", "--check", code=0)
    (project / "main.py").write_text("\n\n" + APP.format(more="").replace('get("/health")', 'post("/danger")'))
    changed = said(capsys, "routes", "--lock", "routes.lock", "--check", code=1)

    assert "GET /health | " in table
    assert "-GET /health | " in changed
    assert "+POST /danger | " in changed
    assert run(["routes", "--lock", "missing.lock", "--check"]) == 1
    (project / "main.py").write_text("")
    assert run(["routes"]) == 3


def test_score_says_what_was_seen(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report: Any = json.loads(said(capsys, "score", "--format", "json", code=0))

    rows = {row["id"]: row["status"] for row in report["asvs"]}
    assert (report["schema"], report["grade"], rows["15.2.1"]) == (1, "C", "failed")
    assert rows["9.1.1"] != "failed"
    assert len(report["api_top10"]) == 10
    assert "grade C" in said(capsys, "score", code=0)


def test_init_shows_a_diff_and_writes_over_nothing(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "pyproject.toml").write_text('[project]\nname = "shop"\n')
    shown = said(capsys, "init", "--yes", code=0)
    text = (project / "pyproject.toml").read_text()
    again = said(capsys, "init", "--yes", code=0)

    assert "+[tool.fastness.check]" in shown.splitlines()
    assert text.startswith('[project]\nname = "shop"\n')
    assert (project / ".github" / "workflows" / "fastness.yml").exists()
    assert (again, (project / "pyproject.toml").read_text()) == ("", text)
    assert run(["check", "--exit-zero"]) == 0, "what it wrote can be read"


def test_init_without_a_yes_writes_nothing(project: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from fastness.cli import main; main()", "init"],
        input="n\n",
        text=True,
        capture_output=True,
        check=False,
    )

    assert not (project / "pyproject.toml").exists()
    assert "nothing was written" in done.stderr


def loaded(*arguments: str) -> set[str]:
    code = (
        "import sys; from fastness.cli import run; run(sys.argv[1:]); "
        "print('|', *sorted({n.partition('.')[0] for n in sys.modules}), *(n for n in sys.modules if n.startswith('fastness.')))"
    )
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True)
    return set(done.stdout.rpartition("|")[2].split())


def test_help_and_version_load_no_command() -> None:
    assert not loaded("--version") & {"typer", "fastapi", "fastness.core.errors"}
    found = loaded("--help")
    assert not found & {"fastapi", "pydantic", "libcst", "sqlalchemy"}
    assert not {f"fastness.cli.{name}" for name in COMMANDS} & found


def test_the_list_of_commands_says_what_each_commands_own_help_says() -> None:
    from typer.main import get_command

    from fastness.cli import app

    group: Any = get_command(app)
    for name, line in COMMANDS.items():
        command = group.get_command(None, name)
        assert command is not None
        assert (command.help or "").split()[0].lower().rstrip(".,") == line.split()[0].lower().rstrip(".,"), name


def test_colours_obey(project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert "\x1b" not in said(capsys, "check", code=1)
    assert "\x1b[1;31m" in said(capsys, "check", "--color", "always", code=1)
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b[" in said(capsys, "check", code=1)
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in said(capsys, "check", code=1)
