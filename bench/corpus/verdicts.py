"""Check the public applications again and compare what is found with the verdicts in tests/data/verdicts.

    python bench/corpus/verdicts.py CLONES [--only NAME ...] [--update]

CLONES holds one folder per repository, named `<owner>+<name>`, at the commit that repositories.jsonl names. Each is
checked as a user would: `fastness check FOLDER --format json`, static, in a process of its own. A finding without a
verdict and a verdict without a finding are printed, and the end is 1. `--update` writes the sizes, the numbers and the
costs that were seen into repositories.jsonl, and drops verdicts whose finding is gone; it never writes a verdict.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

DATA = Path(__file__).resolve().parents[2] / "tests" / "data" / "verdicts"
SIZES, VERDICTS = DATA / "repositories.jsonl", DATA / "verdicts.jsonl"
FOUND_OR_NOT = {0, 1}
"""The exit codes of a run that could analyse."""
Place = tuple[str, str, int, str]
Row = dict[str, Any]


def main() -> int:
    """Run, compare, and say what differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clones", type=Path)
    parser.add_argument("--only", nargs="*", default=(), help="parts of the names of those to check")
    parser.add_argument("--update", action="store_true", help="write sizes and costs, drop what is gone")
    given = parser.parse_args()
    repositories, verdicts = _read(SIZES), _read(VERDICTS)
    judged = {_place(row): row for row in verdicts}
    found: set[Place] = set()
    looked: set[str] = set()
    for row in repositories:
        clone = given.clones / row["repository"].replace("/", "+")
        if given.only and not any(part in clone.name for part in given.only):
            continue
        if not clone.is_dir():
            print(f"{row['repository']}: not in {given.clones}")
            continue
        looked.add(row["repository"])
        found |= _checked(clone, row)
    missing = sorted(found - set(judged))
    gone = [place for place in judged if place[0] in looked and place not in found]
    _tell("finding without a verdict", missing)
    _tell("verdict without a finding", gone)
    if given.update:
        _write(SIZES, repositories)
        _write(VERDICTS, (row for place, row in judged.items() if place not in gone))
    return 1 if missing or (gone and not given.update) or not looked else 0


def _checked(clone: Path, row: Row) -> set[Place]:
    """Check one clone; its numbers go into the row."""
    program = Path(sys.executable).with_name("fastness")
    report, code, cost = _run([program, "check", (clone / row["folder"]).resolve(), "--format", "json"])
    if code not in FOUND_OR_NOT:
        raise SystemExit(f"{row['repository']}: fastness check ended with {code}")
    seen = report["seen"]
    row.update(
        files=seen["files"],
        lines=seen["lines"],
        skipped=len(seen["skipped"]),
        routes=seen["routes"],
        findings=len(report["findings"]),
        cpu_seconds=round(cost.ru_utime + cost.ru_stime, 1),
        memory_mb=round(cost.ru_maxrss / 1024),
    )
    print(
        " ".join(f"{key}={row[key]}" for key in ("repository", "lines", "routes", "findings", "cpu_seconds")),
        flush=True,
    )
    folder = f"{row['folder']}/" if row["folder"] else ""
    return {(row["repository"], folder + one["path"], one["line"], one["rule"]) for one in report["findings"]}


def _run(command: Sequence[object]) -> tuple[Row, int, Any]:
    with tempfile.TemporaryDirectory() as folder, (Path(folder) / "report").open("w+") as output:
        child = subprocess.Popen([*map(str, command)], stdout=output, cwd=folder)
        _, status, cost = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        return json.loads(output.read() or "{}"), child.returncode, cost


def _place(row: Row) -> Place:
    return row["repository"], row["path"], row["line"], row["rule"]


def _tell(what: str, places: Iterable[Place]) -> None:
    for repository, path, line, rule in places:
        print(f"{what}: {repository} {path}:{line} {rule}")


def _read(path: Path) -> list[Row]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _write(path: Path, rows: Iterable[Row]) -> None:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


if __name__ == "__main__":
    raise SystemExit(main())
