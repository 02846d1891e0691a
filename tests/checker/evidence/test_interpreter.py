"""The interpreter of the target is found, and can be started from any folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from fastness.checker.evidence.interpreter import interpreter_of


@pytest.mark.parametrize(
    ("root", "environment"),
    [(".", {}), ("services/shop", {}), ("elsewhere", {"VIRTUAL_ENV": ".venv"})],
    ids=["here", "further up", "active"],
)
def test_an_environment_named_relatively_is_given_absolutely(
    root: str, environment: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.touch()
    monkeypatch.chdir(tmp_path)

    assert interpreter_of(Path(root), environment=environment) == str(python)
