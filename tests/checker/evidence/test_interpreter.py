"""The interpreter of the target is found, and can be started from any folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from fastness.checker.evidence.interpreter import interpreter_of


def test_the_environment_of_a_folder_named_relatively_is_given_absolutely(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.touch()
    (tmp_path / "services" / "shop").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)

    for root in (Path(), Path("services/shop")):
        assert interpreter_of(root, environment={}) == str(python)


def test_an_active_environment_named_relatively_is_given_absolutely(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = tmp_path / "active" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.touch()
    monkeypatch.chdir(tmp_path)

    assert interpreter_of(Path("shop"), environment={"VIRTUAL_ENV": "active"}) == str(python)
