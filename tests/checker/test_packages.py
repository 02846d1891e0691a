"""Packages are read from what a project commits and from its environment, and an audit says what it was."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fastness.checker.evidence import advisories
from fastness.checker.evidence.advisories import BuiltIn, UnreadableSourceError, source
from fastness.checker.evidence.packages import Packages, audited, gather
from fastness.checker.finding import Severity

UV = """version = 1

[[package]]
name = "shop"
version = "0.1.0"
source = { editable = "." }

[[package]]
name = "Python_Multipart"
version = "0.0.17"
source = { registry = "https://index.example" }
wheels = [{ url = "https://index.example/x.whl", hash = "sha256:00" }]
"""
POETRY = """[[package]]
name = "starlette"
version = "0.40.0"
files = [{file = "x.whl", hash = "sha256:00"}]
"""
PDM = """[[package]]
name = "h11"
version = "0.14.0"
"""
PIPFILE = json.dumps({"default": {"jinja2": {"version": "==3.1.4", "hashes": ["sha256:00"]}}, "develop": {}}, indent=1)
REQUIREMENTS = """# made by hand
fastapi[standard]==0.109.0 ; python_version >= "3.11"  # a remark
uvicorn==0.30.0 \\
    --hash=sha256:00
-r other.txt
https://example.com/x.whl
git+https://example.com/y.git#egg=y
"""
PYPROJECT = """[project]
name = "shop"
dependencies = ["fastapi>=0.100,<0.115", "httpx ; extra == 'x'", "broken=>1"]
[project.optional-dependencies]
dev = ["pytest>=8"]
[dependency-groups]
test = ["coverage", {include-group = "dev"}]
[tool.poetry.dependencies]
python = "^3.11"
pyjwt = "^2.8"
ours = {path = "../ours"}
"""


def written(folder: Path, files: dict[str, str]) -> Packages:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return gather(folder)


def seen(packages: Packages) -> dict[str, tuple[str, str, int, bool]]:
    return {p.name: (p.version, p.place.path, p.place.line, p.hashed) for p in packages.packages}


@pytest.fixture(autouse=True)
def no_active_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VIRTUAL_ENV", raising=False)


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("uv.lock", UV, {"python-multipart": ("0.0.17", "uv.lock", 9, True)}),
        ("poetry.lock", POETRY, {"starlette": ("0.40.0", "poetry.lock", 2, True)}),
        ("pdm.lock", PDM, {"h11": ("0.14.0", "pdm.lock", 2, False)}),
        ("Pipfile.lock", PIPFILE, {"jinja2": ("3.1.4", "Pipfile.lock", 3, True)}),
    ],
)
def test_lock_files_are_read(tmp_path: Path, name: str, text: str, expected: dict[str, object]) -> None:
    packages = written(tmp_path, {name: text})

    assert seen(packages) == expected
    assert packages.locks == (name,)


def test_pins_and_ranges_of_requirements_and_pyproject_are_read(tmp_path: Path) -> None:
    packages = written(tmp_path, {"requirements.txt": REQUIREMENTS, "backend/pyproject.toml": PYPROJECT})

    assert seen(packages) == {
        "fastapi": ("0.109.0", "requirements.txt", 2, False),
        "uvicorn": ("0.30.0", "requirements.txt", 3, True),
    }
    assert {
        (r.name, r.range.text, r.development) for r in packages.requirements if r.place.path.startswith("backend")
    } == {
        ("fastapi", ">=0.100,<0.115", False),
        ("httpx", "", False),
        ("pytest", ">=8", True),
        ("coverage", "", True),
        ("pyjwt", "^2.8", False),
    }
    assert packages.places["pyjwt"].line == 10


@pytest.mark.parametrize(("name", "text"), [("uv.lock", "[[package"), ("Pipfile.lock", "{"), ("pyproject.toml", "=")])
def test_a_broken_file_is_a_complaint_and_no_crash(tmp_path: Path, name: str, text: str) -> None:
    packages = written(tmp_path, {name: text})

    assert packages.packages == ()
    assert name in packages.complaints[0]


def environment(folder: Path, *distributions: str) -> Path:
    site = folder / "lib" / "python3.11" / "site-packages"
    for name in distributions:
        (site / f"{name}.dist-info").mkdir(parents=True)
    (folder / "pyvenv.cfg").write_text("home = /usr/bin\n")
    return folder


def test_the_projects_own_environment_is_read_without_running_anything(tmp_path: Path) -> None:
    environment(tmp_path / ".venv", "fastapi-0.109.0", "python_multipart-0.0.17")

    packages = written(tmp_path, {"requirements.txt": "fastapi\n"})

    assert {(p.name, p.version, p.source, p.place.line) for p in packages.packages} == {
        ("fastapi", "0.109.0", "installed", 1),
        ("python-multipart", "0.0.17", "installed", 1),
    }


def test_a_lock_speaks_before_the_environment(tmp_path: Path) -> None:
    environment(tmp_path / ".venv", "python_multipart-0.0.9", "anyio-4.0.0")

    assert {p.name: p.version for p in written(tmp_path, {"uv.lock": UV}).packages} == {
        "python-multipart": "0.0.17",
        "anyio": "4.0.0",
    }


def test_the_active_environment_counts_only_when_it_is_the_projects(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VIRTUAL_ENV", str(environment(tmp_path / "active", "fastapi-0.109.0")))
    project = tmp_path / "project"
    project.mkdir()

    assert [p.name for p in written(project, {"requirements.txt": "fastapi\n"}).packages] == ["fastapi"]
    assert written(project, {"requirements.txt": "fastapi\nother\n"}).packages == ()


def told(packages: Packages, named: str = "") -> dict[str, list[str]]:
    done = audited(packages, source(named))
    return {package.name: [advisory.id for advisory in found] for package, found in done.advice.items()}


def test_the_built_in_table_knows_versions_and_says_that_it_is_partial(tmp_path: Path) -> None:
    packages = written(tmp_path, {"uv.lock": UV, "requirements.txt": "starlette==1.3.1\nh11==0.14.0\n"})

    assert told(packages)["h11"] == ["CVE-2025-43859"]
    assert "starlette" not in told(packages)
    assert told(packages)["python-multipart"][0] == "CVE-2024-53981"
    done = audited(packages, BuiltIn())
    assert not done.complete
    assert done.source.startswith("built-in table of 20")


def test_the_built_in_table_is_well_formed() -> None:
    rows = [(package, span, a) for package, found in advisories.built_in().items() for span, a in found]

    assert len(rows) >= 40
    assert len({(package, a.id) for package, _, a in rows}) == len(rows)
    assert all(a.summary and a.id.startswith(("CVE-", "GHSA-", "PYSEC-")) for _, _, a in rows)
    assert {a.severity for _, _, a in rows} == set(Severity)


UV_REPORT = {
    "schema": {"version": "preview"},
    "summary": {"audited_packages": 3, "vulnerabilities": 1, "adverse_statuses": 0},
    "vulnerabilities": [
        {"dependency": {"name": "python-multipart", "version": "0.0.17"}, "id": "GHSA-x", "display_id": "CVE-9",
         "aliases": ["PYSEC-9"], "summary": "a flaw", "description": None, "link": None, "fix_versions": ["0.0.18"],
         "published": None, "modified": None}
    ],
    "adverse_statuses": [],
}  # fmt: skip
PIP_REPORT = {
    "dependencies": [
        {"name": "python_multipart", "version": "0.0.17", "vulns": [{"id": "CVE-9", "fix_versions": ["0.0.18"], "aliases": []}]},
        {"name": "other", "skip_reason": "not on the index"},
    ],
    "fixes": [],
}  # fmt: skip
RECORD = {
    "id": "CVE-9",
    "summary": "a flaw",
    "database_specific": {"severity": "MODERATE"},
    "affected": [
        {"package": {"name": "python-multipart", "ecosystem": "PyPI"},
         "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "0.0.18"}]}]}
    ],
}  # fmt: skip


@pytest.mark.parametrize("document", [UV_REPORT, PIP_REPORT], ids=["uv", "pip-audit"])
def test_a_report_of_another_tool_is_read(tmp_path: Path, document: object) -> None:
    packages = written(tmp_path, {"uv.lock": UV, "report.json": json.dumps(document)})

    done = audited(packages, source(str(tmp_path / "report.json")))

    ((package, (advisory,)),) = done.advice.items()
    assert (package.name, advisory.id, advisory.fixed) == ("python-multipart", "CVE-9", ("0.0.18",))
    assert done.complete


def test_a_folder_of_records_is_read_with_severity(tmp_path: Path) -> None:
    packages = written(tmp_path, {"uv.lock": UV, "osv/one.json": json.dumps(RECORD)})

    ((_, (advisory,)),) = audited(packages, source(str(tmp_path / "osv"))).advice.items()

    assert (advisory.id, advisory.severity, advisory.fixed) == ("CVE-9", Severity.MEDIUM, ("0.0.18",))


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"dependencies": 1}'])
def test_a_source_that_cannot_be_read_is_a_problem_and_never_nothing_found(tmp_path: Path, text: str) -> None:
    packages = written(tmp_path, {"uv.lock": UV, "report.json": text})

    assert audited(packages, source(str(tmp_path / "report.json"))).problem


def test_a_source_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()

    with pytest.raises(UnreadableSourceError):
        source(str(tmp_path / "nothing"))
    assert audited(written(tmp_path, {"uv.lock": UV}), source(str(tmp_path / "empty"))).problem
    assert audited(written(tmp_path, {"uv.lock": UV}), source("http://127.0.0.1:9")).problem
