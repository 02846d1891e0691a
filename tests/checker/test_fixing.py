"""`--fix` writes exact edits where the file is still as it was seen, and touches nothing else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from checker.sample import CORS, written
from fastness.checker.finding import Fix
from fastness.checker.fixing import repair


def test_a_fix_changes_exactly_its_text(tmp_path: Path) -> None:
    before = (written(tmp_path) / "app" / "main.py").read_text()

    done = repair([CORS], tmp_path)
    done.write(tmp_path)

    after = (tmp_path / "app" / "main.py").read_text()
    assert after == before.replace('["*"]', '["https://app.example.com"]')
    assert done.fixed == (CORS,)


def test_the_preview_is_a_diff_and_writes_nothing(tmp_path: Path) -> None:
    before = (written(tmp_path) / "app" / "main.py").read_text()

    diff = repair([CORS], tmp_path).diff()

    assert '-    allow_origins=["*"], allow_credentials=True,' in diff.splitlines()
    assert '+    allow_origins=["https://app.example.com"], allow_credentials=True,' in diff.splitlines()
    assert (tmp_path / "app" / "main.py").read_text() == before


def test_a_file_that_changed_since_is_left_alone(tmp_path: Path) -> None:
    file = written(tmp_path) / "app" / "main.py"
    file.write_text("\n" + file.read_text())

    done = repair([CORS], tmp_path)

    assert done.rewrites == ()
    assert done.left == ((CORS, "app/main.py changed since it was read"),)


def test_all_edits_of_a_finding_or_none(tmp_path: Path) -> None:
    stale = Fix("app/main.py", 1, 1, "nonsense", "")
    half = replace(CORS, fixes=(*CORS.fixes, stale))

    assert repair([half], written(tmp_path)).rewrites == ()


def test_of_two_that_overlap_the_first_stays_and_two_alike_are_one(tmp_path: Path) -> None:
    other = replace(CORS, fixes=(Fix("app/main.py", 7, 19, '["*"]', "[]"),))

    done = repair([CORS, CORS, other], written(tmp_path))

    assert done.fixed == (CORS, CORS)
    assert [reason for _, reason in done.left] == ["another fix changes the same place; run --fix again"]
    assert "example.com" in done.rewrites[0].after


def test_line_ends_stay_and_a_link_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    file = written(tmp_path / "in") / "app" / "main.py"
    file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))

    repair([CORS], tmp_path / "in").write(tmp_path / "in")

    assert file.read_bytes().count(b"\r\n") == file.read_bytes().count(b"\n")
    file.rename(tmp_path / "outside.py")
    file.symlink_to(tmp_path / "outside.py")
    through = replace(CORS, fixes=(Fix("app/main.py", 1, 1, "from", "FROM"),))
    assert repair([through], tmp_path / "in").rewrites == ()
    inside = replace(CORS, fixes=(Fix("in/app/main.py", 1, 1, "from", "FROM"),))
    assert repair([inside], tmp_path).rewrites == (), "nor one that leads to another file of the folder"
