"""The ways into other people's work: pytest, a start-up check, the GitHub Action, pre-commit."""

from __future__ import annotations

import importlib
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from fastness.checker.testing import assert_secure, refuse_insecure
from fastness.cli import run
from fastness.cli.init import _WORKFLOW
from fastness.core.errors import UnsafeConfiguration

ROOT = Path(__file__).parents[2]
APP = """from fastapi import FastAPI

app = FastAPI()


@app.get("/health")
def health() -> str:
    return "ok"
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("VIRTUAL_ENV", raising=False)
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "shop"\n')
    (tmp_path / "shop_of_acme.py").write_text(APP)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def spoiled(project: Path) -> None:
    (project / "requirements.txt").write_text("python-multipart==0.0.17\n")


def test_assert_secure_passes_and_tells_what_it_saw(project: Path) -> None:
    outcome = assert_secure(project)

    assert (outcome.status, len(outcome.routes)) == ("clean", 1)


@pytest.mark.parametrize("kind", ["folder", "text", "object", "loaded"])
def test_assert_secure_fails_with_the_diagnostic(project: Path, kind: str) -> None:
    spoiled(project)
    application = importlib.import_module("shop_of_acme").app
    target: Any = {"folder": project, "text": str(project), "object": application, "loaded": "shop_of_acme:app"}[kind]

    with pytest.raises(AssertionError) as failed:
        assert_secure(target)

    assert "high[FN801] vulnerable-package: python-multipart 0.0.17" in str(failed.value)
    assert str(failed.value).splitlines()[-1].startswith("Found 1 problem")
    del sys.modules["shop_of_acme"]


def test_arguments_replace_settings(project: Path) -> None:
    spoiled(project)

    assert assert_secure(project, fail_on="critical").status == "findings"
    assert assert_secure(project, ignore=["FN801"]).status == "clean"


def test_assert_secure_never_passes_on_nothing(tmp_path: Path) -> None:
    (tmp_path / "empty.py").write_text("")

    with pytest.raises(AssertionError, match="no route was found"):
        assert_secure(tmp_path)
    with pytest.raises(ValueError, match="no folder"):
        assert_secure("nowhere")


def test_a_start_can_be_refused(project: Path) -> None:
    refuse_insecure(project)
    spoiled(project)

    with pytest.raises(UnsafeConfiguration, match="must not be served"):
        refuse_insecure(project)


def test_the_chain_never_loads_the_checker() -> None:
    code = "import fastness.chain, fastness.accounts, sys; print([m for m in sys.modules if m.startswith('fastness.checker')])"

    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_the_action_is_whole_and_keeps_inputs_out_of_its_scripts() -> None:
    action: Any = yaml.safe_load((ROOT / "action.yml").read_text())

    steps = action["runs"]["steps"]
    assert action["runs"]["using"] == "composite"
    assert all("shell" in step for step in steps if "run" in step)
    assert all("${{" not in step.get("run", "") for step in steps)
    assert all(re.search(r"@(v\d+|[0-9a-f]{40})\Z", step["uses"]) for step in steps if "uses" in step)
    named = set(re.findall(r"inputs\.([\w-]+)", (ROOT / "action.yml").read_text()))
    assert named == action["inputs"].keys()


def test_the_script_of_the_action_runs_as_written(project: Path, tmp_path: Path) -> None:
    spoiled(project)
    action: Any = yaml.safe_load((ROOT / "action.yml").read_text())
    script = next(step["run"] for step in action["runs"]["steps"] if step.get("id") == "check")
    tool = tmp_path / "fastness" / "bin"
    tool.mkdir(parents=True)
    (tool / "fastness").symlink_to(Path(sys.executable).parent / "fastness")
    files = {name: tmp_path / name.lower() for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
    variables = {"RUNNER_TEMP": str(tmp_path), "TARGETS": ".", "ARGUMENTS": "", **{k: str(v) for k, v in files.items()}}

    done = subprocess.run(
        ["bash", "-c", script], cwd=project, env={**os.environ, **variables}, capture_output=True, text=True, check=True
    )

    assert "::error file=requirements.txt,line=1" in done.stdout
    assert "code=1" in files["GITHUB_OUTPUT"].read_text()
    assert files["GITHUB_STEP_SUMMARY"].read_text().startswith("## Fastness: grade")


def test_the_hooks_call_commands_that_exist(project: Path) -> None:
    hooks: Any = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())

    for hook in hooks:
        words = hook["entry"].split()
        assert words[0] == "fastness"
        assert not hook["pass_filenames"]
        if "--lock" in words:
            assert run(["routes", "--lock", "routes.lock"]) == 0
        assert run(words[1:]) == 0


def test_the_workflow_that_init_writes_is_a_workflow() -> None:
    workflow: Any = yaml.safe_load(_WORKFLOW)

    assert workflow["permissions"] == {"contents": "read", "security-events": "write"}
    assert [step["uses"].partition("@")[0] for step in workflow["jobs"]["check"]["steps"]] == [
        "actions/checkout",
        "fastness/fastness",
    ]
