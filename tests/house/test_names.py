"""Small promises about the tree: names, sizes, and nothing of the machine it was written on."""

from __future__ import annotations

import pkgutil
import re
import subprocess
from pathlib import Path

import pytest

import fastness
from fastness import __version__

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "src").rglob("*.py"))
MACHINE = re.compile(r"(?<![\w.])/(?:work|opt/pypi|opt/wheels|root)/[a-z]|files\.pythonhosted\.org|pypi\.org/simple")


def tracked() -> list[Path]:
    """Every file that a clone holds, or would after the next commit; without git, all but what tools leave behind."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    names = listed.stdout.split("\0") if listed.returncode == 0 else []
    return [ROOT / name for name in names if name and (ROOT / name).is_file()]


def test_no_exported_name_is_also_the_name_of_a_submodule() -> None:
    submodules = {module.name for module in pkgutil.iter_modules(fastness.__path__)}

    assert not submodules & set(fastness.__all__)


@pytest.mark.parametrize("name", fastness.__all__)
def test_every_exported_name_can_be_imported(name: str) -> None:
    assert getattr(fastness, name) is not None


def test_a_name_that_is_not_exported_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        fastness.nonsense  # noqa: B018


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: str(path.relative_to(ROOT / "src")))
def test_a_source_file_fits_in_a_head(source: Path) -> None:
    lines = source.read_text(encoding="utf-8").count("\n")

    assert lines <= 400, "split it along a noun"


def test_no_file_names_the_machine_that_it_was_written_on() -> None:
    named = []
    for path in tracked():
        if path == Path(__file__) or path.is_relative_to(ROOT / "tests" / "data"):
            continue
        text = path.read_bytes().decode("utf-8", "replace")
        named += [f"{path.relative_to(ROOT)}: {found[0]}" for found in MACHINE.finditer(text)]

    assert not named


def test_the_changelog_has_this_version() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")

    assert re.search(rf"(?m)^## \[{re.escape(__version__)}\]", changelog)


JUDGED = ROOT / "tests" / "checker" / "rules"


def test_only_one_file_knows_where_the_database_of_the_tests_is() -> None:
    knowing = [
        path.name
        for path in sorted((ROOT / "tests").rglob("*.py"))
        # Programs that rules judge connect to nothing.
        if path != Path(__file__)
        and JUDGED not in path.parents
        and re.search(r":5432|pgserver", path.read_text(encoding="utf-8"))
    ]

    assert knowing == ["databases.py"], "take postgres_url() from databases, which serves every machine"
