"""What a project decides in pyproject.toml is read strictly: what cannot be meant is an error that says where."""

from __future__ import annotations

from pathlib import Path

import pytest

from fastness.checker.finding import Confidence, Persona, Severity
from fastness.checker.settings import CheckSettings, SettingsError, read

EVERY_KEY = """
[tool.fastness.check]
select = ["FN1", "cors-any-origin"]
ignore = ["FN102"]
per-path-ignores = {"tests/*" = ["FN123"]}
exclude = ["vendor"]
fail-on = "high"
min-confidence = "medium"
persona = "auditor"
baseline = "security/baseline.json"
target = "app.main:app"
environment = {DB_BACKEND = "memory"}
advisories = "osv/"
public = {"GET /health" = "the load balancer asks", "/static/*" = "files for everybody"}
authentication = ["app.deps.current_user"]
roles = ["app.deps.needs"]
limiters = ["app.deps.slow"]
gateway = {limits = "nginx limit_req on every location"}
rules = ["app.security"]
"""


def project(folder: Path, text: str) -> Path:
    (folder / "pyproject.toml").write_text(text)
    return folder


def test_every_key_is_read(tmp_path: Path) -> None:
    settings = read(project(tmp_path, EVERY_KEY))

    assert (settings.fail_on, settings.min_confidence, settings.persona) == (
        Severity.HIGH,
        Confidence.MEDIUM,
        Persona.AUDITOR,
    )
    assert (settings.select, settings.authentication) == (("FN1", "cors-any-origin"), ("app.deps.current_user",))
    assert settings.environment == {"DB_BACKEND": "memory"}
    assert settings.gateway == {"limits": "nginx limit_req on every location"}


def test_no_file_and_no_table_mean_the_defaults(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    assert read(tmp_path) == CheckSettings(folder=tmp_path)
    assert read(project(tmp_path, '[project]\nname = "x"\n')).fail_on is Severity.MEDIUM


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('fail_on = "high"', "unknown key 'fail_on'; did you mean 'fail-on'?"),
        ("environment = {PORT = 80}", "environment: must be a table of texts"),
        ("selct = []", "unknown key 'selct'; did you mean 'select'?"),
        ('fail-on = "hihg"', "did you mean 'high'?"),
        ('persona = "boss"', "none of regular, pedantic, auditor"),
        ("select = 'FN1'", "must be a list of texts"),
        ("select = [1]", "must be a list of texts"),
        ('public = ["/health"]', "a reason for each entry"),
        ('public = {"/health" = ""}', "'/health' needs a reason that an auditor can read"),
        ('public = {health = "x"}', "'health' is no route"),
        ('gateway = {limit = "x"}', "did you mean 'limits'?"),
        ("baseline = 1", "must be text"),
        ('folder = "x"', "unknown key 'folder'"),
    ],
)
def test_what_cannot_be_meant_is_an_error_that_says_where(tmp_path: Path, line: str, words: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read(project(tmp_path, f"[tool.fastness.check]\n{line}\n"))

    assert words in str(caught.value)
    assert "pyproject.toml, [tool.fastness.check]" in str(caught.value)


@pytest.mark.parametrize("text", ["[tool.fastness.check\n", "[tool]\nfastness = 1\n", "\xff"])
def test_a_broken_file_is_an_error_of_one_sentence(tmp_path: Path, text: str) -> None:
    (tmp_path / "pyproject.toml").write_bytes(text.encode("latin-1"))

    with pytest.raises(SettingsError, match=r"pyproject\.toml"):
        read(tmp_path)


def test_public_routes_are_named_by_method_and_glob(tmp_path: Path) -> None:
    settings = read(project(tmp_path, EVERY_KEY))

    assert settings.public_reason("GET", "/health") == "the load balancer asks"
    assert settings.public_reason("POST", "/health") is None
    assert settings.public_reason("GET", "/static/css/a.css") == "files for everybody"


def test_a_folder_inside_a_project_takes_the_projects_settings(tmp_path: Path) -> None:
    inner = project(tmp_path, EVERY_KEY) / "tests" / "api"
    inner.mkdir(parents=True)

    settings = read(inner)

    assert settings.folder == tmp_path
    assert settings.ignored_at("test_x.py") == ("FN123",), "globs begin at the pyproject.toml"
    assert read(tmp_path).ignored_at("app/main.py") == ()
