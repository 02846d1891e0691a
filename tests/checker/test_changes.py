"""`--diff REF` reports what was changed since a revision and nothing else."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from checker.sample import CORS
from fastness.checker.changes import ChangesError, since
from fastness.checker.finding import Place


def git(folder: Path, *words: str) -> None:
    who = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    git(tmp_path, "init", "-q")
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "old file.py").write_text("".join(f"line {n}\n" for n in range(1, 21)))
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "first")
    return tmp_path


def touched(folder: Path, path: str, line: int, end: int = 0) -> bool:
    return since("HEAD", folder).touch(replace(CORS, place=Place(path, line, end)))


def test_only_changed_lines_count(repository: Path) -> None:
    file = repository / "app" / "old file.py"
    file.write_text(file.read_text().replace("line 10\n", "line ten\nline ten and a half\n"))

    assert [line for line in range(1, 22) if touched(repository, "app/old file.py", line)] == [10, 11]
    assert touched(repository, "app/old file.py", 3, 15), "a route that spans a changed line"


def test_a_new_file_counts_as_a_whole_and_paths_begin_at_the_checked_folder(repository: Path) -> None:
    (repository / "app" / "new.py").write_text("x = 1\n")

    assert touched(repository, "app/new.py", 1)
    assert touched(repository / "app", "new.py", 1)
    assert not touched(repository / "app", "old file.py", 1)


def test_the_neighbours_of_removed_lines_count(repository: Path) -> None:
    file = repository / "app" / "old file.py"
    file.write_text(file.read_text().replace("line 10\n", ""))

    assert [line for line in range(1, 20) if touched(repository, "app/old file.py", line)] == [9, 10]


@pytest.mark.parametrize("ref", ["no-such-branch", "--output=x", ""])
def test_a_revision_that_does_not_exist_is_an_error(repository: Path, ref: str) -> None:
    with pytest.raises(ChangesError):
        since(ref, repository)

    assert not (repository / "x").exists()


def test_no_repository_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ChangesError):
        since("HEAD", tmp_path)
