"""CI asks few failed tests once more, alone, and nothing else passes because of that."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

TOOL = str(Path(__file__).resolve().parents[2] / "tools" / "again.py")
ONCE = """
from pathlib import Path

def test_fails_the_first_time():
    seen = Path(__file__).with_name("seen")
    was, _ = seen.exists(), seen.touch()
    assert was

def test_passes():
    assert True
"""


def asked(folder: Path, program: str) -> subprocess.CompletedProcess[str]:
    (folder / "test_it.py").write_text(program)
    given = ["-q", "-p", "xdist.plugin", "-c", "/dev/null", "--rootdir", str(folder), str(folder)]
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    return subprocess.run([sys.executable, TOOL, *given], env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("program", "code"),
    [
        ("def test_fails(): assert False", 1),
        (ONCE + "def test_fails(): assert False", 1),
        (ONCE.replace("def test_passes", "syntax error"), 2),
        ("", 5),
    ],
    ids=["bad", "once and bad", "no program", "no test"],
)
def test_a_run_is_green_only_when_every_test_has_passed(tmp_path: Path, program: str, code: int) -> None:
    assert asked(tmp_path, program).returncode == code


def test_what_failed_is_named_though_it_passed_alone(tmp_path: Path) -> None:
    done = asked(tmp_path, ONCE)

    assert done.returncode == 0
    assert "PASSED ALONE ONLY, to be repaired:\n  test_it.py::test_fails_the_first_time" in done.stdout


def test_a_secret_in_a_log_is_no_matter_of_another_try(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text("def pytest_sessionfinish(session): session.exitstatus = 9")

    done = asked(tmp_path, ONCE)

    assert done.returncode == 9
    assert "once more" not in done.stdout


def test_six_failures_are_not_asked_again(tmp_path: Path) -> None:
    done = asked(tmp_path, "import pytest\n@pytest.mark.parametrize('n', range(6))\ndef test_six(n): assert False")

    assert done.returncode == 1
    assert "6 failed" in done.stdout
    assert "once more" not in done.stdout
