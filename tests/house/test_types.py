"""What people write against accounts is typed: `examples/full` under mypy strict and pyright strict, in their own folder."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "full"
BIN = Path(sys.executable).parent

pytestmark = pytest.mark.timeout(300)


def run(*command: str | Path, folder: Path) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example where nothing of our own configuration is seen, as a user's editor sees it."""
    folder = tmp_path_factory.mktemp("theirs")
    (folder / "examples").mkdir()
    (folder / "examples" / "__init__.py").touch()
    shutil.copytree(EXAMPLE, folder / "examples" / "full", ignore=shutil.ignore_patterns("__pycache__", "migrations"))
    use = folder / "examples" / "full" / "use.py"
    use.write_text(
        "from typing import assert_type\n\n"
        "from .accounts import accounts\n"
        "from .models import Person\n\n"
        "assert_type(accounts.user(), Person)\n\n\n"
        "@accounts.on_registered\n"
        "def note(person: Person) -> None:\n"
        "    assert_type(person.motto, str)\n\n\n"
        "@accounts.on_deleted\n"
        "async def forget(user_id: str) -> None: ...\n"
    )
    return folder


def test_mypy_strict_is_silent(copy: Path) -> None:
    said = run(BIN / "mypy", "--strict", "--config-file=", "--cache-dir", copy / "cache", "examples", folder=copy)

    assert said.startswith("Success")


def test_pyright_strict_is_silent(copy: Path) -> None:
    settings: dict[str, Any] = {"typeCheckingMode": "strict", "include": ["examples"], "pythonVersion": "3.11"}
    (copy / "pyrightconfig.json").write_text(json.dumps(settings))

    assert "0 errors, 0 warnings" in run(BIN / "pyright", "--pythonpath", sys.executable, folder=copy)


def test_a_hook_for_another_class_is_a_type_error(copy: Path) -> None:
    wrong = copy / "examples" / "full" / "wrong.py"
    wrong.write_text("from .accounts import accounts\n\n\n@accounts.on_login\ndef note(person: int) -> None: ...\n")
    done = subprocess.run(
        [BIN / "mypy", "--strict", "--config-file=", "--cache-dir", copy / "cache", "examples/full/wrong.py"],
        cwd=copy, capture_output=True, text=True, check=False,
    )  # fmt: skip
    wrong.unlink()

    assert "[arg-type]" in done.stdout
