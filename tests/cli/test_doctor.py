"""`fastness doctor MODULE:APP`, as an operator types it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from fastness.cli import run

APPLICATION = """
from fastapi import FastAPI
from fastness import public, secure

app = FastAPI()
secure(app)

@app.get("/")
@public("a greeting")
async def greet() -> str:
    return "hello"

def build():
    return app

bare = FastAPI()
"""


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.delitem(sys.modules, "shop_of_the_doctor", raising=False)
    monkeypatch.setenv("FASTNESS_ENVIRONMENT", "development")
    (tmp_path / "shop_of_the_doctor.py").write_text(APPLICATION)


@pytest.mark.parametrize("target", ["shop_of_the_doctor:app", "shop_of_the_doctor", "shop_of_the_doctor:build"])
def test_each_control_is_listed_with_what_was_seen(capfd: pytest.CaptureFixture[str], target: str) -> None:
    assert run(["doctor", target]) == 0

    said = capfd.readouterr().out
    assert "works      hosts            localhost is answered, a foreign Host is 400" in said
    assert "FAILS" not in said


def test_a_failure_ends_with_one(capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["doctor", "shop_of_the_doctor:app", "--host", "evil.example"]) == 1

    assert "FAILS" in capfd.readouterr().out


def test_an_unsafe_start_ends_with_78_and_all_its_problems(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FASTNESS_SECRET", "hunter2")

    assert run(["doctor", "shop_of_the_doctor:app"]) == 78

    said = capfd.readouterr()
    assert "FASTNESS_SECRET" in said.err
    assert "hunter2" not in said.out + said.err


@pytest.mark.parametrize(("target", "code"), [("no_such_module:app", 3), ("shop_of_the_doctor:nothing", 3)])
def test_what_cannot_be_loaded_ends_with_three(target: str, code: int) -> None:
    assert run(["doctor", target]) == code


def test_an_application_without_secure_ends_with_one(capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["doctor", "shop_of_the_doctor:bare"]) == 1

    assert "secure(app) was not called" in capfd.readouterr().err
