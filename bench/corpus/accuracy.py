"""Write docs/checker-accuracy.md from a folder of clones, labelled points and their scorer.

    python bench/corpus/accuracy.py CLONES ENVIRONMENTS LABELS.jsonl SCORER.py [--left-out NAME ...]

Runs `environments.py`, then `measure.py` over the clones twice (read alone; loaded and attacked where that is possible;
regular persona), and the scorer over each: all repositories, those that were open while rules were written, and those that
were left out until then. The table of other applications is filled in by `python tools/docs.py`.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "checker-accuracy.md"
SECOND_FORMS = (
    "## In a form that nobody had in mind",
    "",
    "For every rule a second bad program was written from what its page says it looks for and why, without a look at its code, its tests or",
    "its examples ([tests/data/second_forms](../tests/data/second_forms/README.md)). **73 of 118 (62%) were found at the first",
    "measurement**; that is what to expect of a defect in a form that we did not think of. Rules were then repaired where they were",
    "wrong in a general way, and 101 of 118 (86%) are found now: no longer an unseen sample. Those that are missed are",
    "[listed with their reasons](../tests/data/second_forms/missed.toml).",
    "",
)
"""`tests/checker/test_second_forms.py` compares the figures."""
ELSEWHERE = (
    "## On other applications",
    "",
    "Public applications were checked as their users would, with the default settings, and each finding was read in the",
    "source and judged right or wrong: does what it says hold there, and would a maintainer want to know? The verdicts",
    "with their reasons are data: [tests/data/verdicts](../tests/data/verdicts/README.md), and",
    "`python bench/corpus/verdicts.py CLONES` checks the same commits again and tells what has no verdict yet.",
    "",
    "The first group was read three times, and rules that were wrong in a general way were repaired after each; the table",
    "is of the run after that. Before its first repair each part of it was 78% right (319 of 411 findings in 26",
    "applications), 78% (121 of 156 in six that were added then) and 56% (29 of 52 in four that came last, 14 of the others",
    "being two kinds of mistake). Expect figures like those of an application that is new to the checker. Nobody had",
    "looked at the second group when the rules were last repaired. Lines are those of all Python files that were read,",
    "with tests. Each run was a process of its own on a busy machine: CPU seconds, peak memory.",
    "",
    "<!-- verdicts -->",
    "<!-- /verdicts -->",
    "",
)
"""What `tools/docs.py` fills in."""


def main() -> None:
    """Measure, score and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clones", type=Path)
    parser.add_argument("environments", type=Path)
    parser.add_argument("labels", type=Path)
    parser.add_argument("scorer", type=Path)
    parser.add_argument("--left-out", nargs="*", default=[], help="parts of the names of those nobody looked at")
    given = parser.parse_args()
    labels = given.labels.read_text().splitlines()
    unseen = [label for label in labels if any(name in json.loads(label)["repo"] for name in given.left_out)]
    seen = [label for label in labels if label not in unseen]
    parts = {"all": labels, "open": seen, "left out": unseen}
    print(_run([HERE / "environments.py", given.clones, given.environments]), file=sys.stderr)
    with tempfile.TemporaryDirectory() as folder:
        read, live = Path(folder) / "read", Path(folder) / "live"
        told = _run([HERE / "measure.py", given.clones, read])
        _run([HERE / "measure.py", given.clones, live, "--environments", given.environments])
        became: dict[str, dict[str, Any]] = json.loads(live.with_suffix(".json").read_text())
        loaded = {name.replace("+", "/", 1) for name, each in became.items() if each["loaded"]}
        parts["loaded"] = [label for label in labels if json.loads(label)["repo"] in loaded]
        scores = {
            title: [_score(given.scorer, rows, found, Path(folder)) for found in (read, live)]
            for title, rows in parts.items()
            if rows
        }
    page = _page(
        scores, told.strip().splitlines()[-1], [_repository(label, label in unseen) for label in labels], became
    )
    PAGE.write_text(page, encoding="utf-8")


def _run(command: Sequence[object]) -> str:
    done = subprocess.run([sys.executable, *map(str, command)], capture_output=True, text=True, check=True)
    return done.stdout


def _score(scorer: Path, labels: Sequence[str], found: Path, folder: Path) -> dict[str, Any]:
    rows, result = folder / "labels.jsonl", folder / "score.json"
    rows.write_text("\n".join(labels))
    _run([scorer, rows, found, "--map", HERE / "classes.json", "--json", result])
    score: dict[str, Any] = json.loads(result.read_text())
    return score


def _repository(label: str, left_out: bool) -> str:  # noqa: FBT001 - one place calls it
    point = json.loads(label)
    return f"`{point['repo']}` at `{point['commit'][:12]}`{' (left out)' if left_out else ''}"


def _page(
    scores: dict[str, list[dict[str, Any]]],
    speed: str,
    repositories: Sequence[str],
    became: dict[str, dict[str, Any]],
) -> str:
    read, live = scores["all"]
    kinds = sorted(read["by_class"].items(), key=lambda item: (-item[1][0], item[0]))
    head = "read: found | recall | safe points flagged | precision | attacked: found | recall | safe points flagged | precision"
    rule = f"|---|---:|{'---:|' * 8}"
    lines = [
        "# How much the checker finds",
        "",
        f"Measured on {dt.datetime.now(dt.UTC):%Y-%m-%d} by `python bench/corpus/accuracy.py`, regular persona, against points",
        "that one reader labelled in public applications. A defect counts as found when a finding of its class lies within two",
        "lines of it, or in its route; a safe point counts as flagged in the same way. Precision is the share of defects among",
        "the labelled points that were flagged. *Read* is the source alone; *attacked* is that, and the application loaded and",
        "attacked where it could be (below), in the environments of",
        "[environments.toml](../bench/corpus/environments.toml); the others count there as they were read.",
        "",
        f"| repositories | defects | {head} |",
        rule,
        *(_row(title, *(score["total"] for score in both)) for title, both in scores.items()),
        "",
        "*Open* repositories were read while the rules were written; those *left out* show what to expect elsewhere, though one",
        "rule was repaired after their first measurement (FN208, one point). *Loaded* are those that could be.",
        "",
        f"| class | defects | {head} |",
        rule,
        *(_row(kind, numbers, live["by_class"][kind]) for kind, numbers in kinds),
        "",
        f"{speed}, read alone.",
        "",
        f"Repositories: {', '.join(dict.fromkeys(repositories))}.",
        "",
        "| repository | loaded | what stood in the way |",
        "|---|---|---|",
        *(_became(name, each) for name, each in became.items()),
        "",
        *SECOND_FORMS,
        *ELSEWHERE,
    ]
    return "\n".join(lines)


def _row(title: str, *columns: Sequence[int]) -> str:
    cells = [title, str(columns[0][0])]
    for defects, found, safe, flagged in columns:
        recall = f"{found / defects:.0%}" if defects else "-"
        precision = f"{found / (found + flagged):.0%}" if found + flagged else "-"
        cells += [str(found), recall, f"{flagged} of {safe}", precision]
    return f"| {' | '.join(cells)} |"


def _became(name: str, what: dict[str, Any]) -> str:
    said = what["text"] if what["loaded"] else ""
    why = (
        [note.partition(": ")[2] for note in what["notes"]]
        if what["loaded"]
        else [what["text"].partition(": ")[2] or what["text"]]
    )
    return f"| {name.replace('+', '/', 1)} | {said or 'no'} | {'; '.join(why) or '-'} |"


if __name__ == "__main__":
    main()
