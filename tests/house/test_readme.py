"""The README's two commands are whole, pinned, and the ones that CI runs."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
INSTALL = (
    r"python3 -m venv \.venv && \.venv/bin/pip install -q -r requirements/{file} "
    r"&& \.venv/bin/pip install -q --no-build-isolation --no-deps -e \. && "
)


def command(name: str) -> str:
    (found,) = re.findall(rf"(?m)^<!-- {name} -->\n```bash\n(.+)\n```$", README)
    return str(found)


@pytest.mark.parametrize(
    ("name", "file", "last"),
    [("run", "run.txt", r"\.venv/bin/fastness demo"), ("test", "dev.txt", r"\.venv/bin/pytest")],
)
def test_the_command_is_one_line_of_plain_pip_with_pins(name: str, file: str, last: str) -> None:
    assert re.fullmatch(INSTALL.format(file=file) + last, command(name))
    assert (ROOT / "requirements" / file).is_file()


def test_ci_runs_the_test_command_of_the_readme_itself(tmp_path: Path) -> None:
    (tmp_path / ".ci").mkdir()
    (tmp_path / ".ci" / "run").write_text((ROOT / ".ci" / "run").read_text(encoding="utf-8"))
    said = 'echo "ran the pytest of the page"'
    (tmp_path / "README.md").write_text(README.replace(command("test"), said))

    done = subprocess.run(
        ["bash", tmp_path / ".ci" / "run"],
        env={**os.environ, "CI_ONLY": "readme-test"}, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert "\nran the pytest of the page\n" in done.stdout
    assert "no environment" in done.stdout
    assert done.returncode == 1


def test_ci_is_red_when_the_readme_has_no_test_command(tmp_path: Path) -> None:
    (tmp_path / ".ci").mkdir()
    (tmp_path / ".ci" / "run").write_text((ROOT / ".ci" / "run").read_text(encoding="utf-8"))
    (tmp_path / "README.md").write_text(README.replace("<!-- test -->", ""))

    environment = {name: value for name, value in os.environ.items() if name != "CI_ONLY"}
    done = subprocess.run(
        ["bash", tmp_path / ".ci" / "run"], capture_output=True, text=True, check=False, env=environment
    )

    assert "README.md gives no test command" in done.stdout
    assert done.returncode == 1


def test_every_step_of_ci_counts_when_it_fails() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")

    assert 'exit "$failed"' in script
    assert "|| true" not in script
