"""The tables of public applications on docs/checker-accuracy.md, from the judged findings in tests/data/verdicts."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

DATA = Path(__file__).resolve().parents[1] / "tests" / "data" / "verdicts"
GROUPS = {"read": "Rules were repaired after a first reading", "fresh": "Seen for the first time"}
Row = dict[str, Any]


def lines_of(name: str) -> list[Row]:
    """The objects of one file of the data, one a line."""
    return [json.loads(line) for line in (DATA / name).read_text(encoding="utf-8").splitlines()]


def verdicts(_page: Path, _argument: str) -> str:
    """Both groups of applications in numbers, then each rule that spoke about them."""
    repositories, judged = lines_of("repositories.jsonl"), lines_of("verdicts.jsonl")
    right = Counter(row["repository"] for row in judged if row["verdict"] == "right")
    parts = [_group(title, [r for r in repositories if r["group"] == name], right) for name, title in GROUPS.items()]
    return "\n".join([*parts, *_by_rule(repositories, judged)])


def _group(title: str, repositories: Sequence[Row], right: Counter[str]) -> str:
    whole: Counter[str] = Counter()
    rows = [
        f"| {title} | commit | lines | routes | findings | right | per 1,000 lines | CPU s | MB |",
        "|---|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for one in sorted(repositories, key=lambda row: str(row["repository"]).lower()):
        name = one["repository"] + (f" ({one['folder']})" if one["folder"] else "")
        rows.append(f"| {name} | `{one['commit'][:12]}` | {_numbers(one, right[one['repository']])} |")
        whole.update({key: one[key] for key in ("lines", "routes", "findings", "cpu_seconds")})
    most = max(one["memory_mb"] for one in repositories)
    good = sum(right[one["repository"]] for one in repositories)
    rows.append(f"| **all, {good / whole['findings']:.0%} right** | | {_numbers({**whole, 'memory_mb': most}, good)} |")
    return "\n".join([*rows, ""])


def _numbers(one: Row, right: int) -> str:
    share = 1000 * one["findings"] / one["lines"]
    cells = (one["lines"], one["routes"], one["findings"], right, f"{share:.2f}", f"{one['cpu_seconds']:.1f}")
    return " | ".join(map(str, (*cells, one["memory_mb"])))


def _by_rule(repositories: Sequence[Row], judged: Sequence[Row]) -> list[str]:
    group = {row["repository"]: row["group"] for row in repositories}
    found = Counter((row["rule"], group[row["repository"]]) for row in judged)
    right = Counter((row["rule"], group[row["repository"]]) for row in judged if row["verdict"] == "right")
    return [
        "| rule | right, after repairs | right, seen for the first time |",
        "|---|---:|---:|",
        *(
            f"| [{rule}](rules/{rule}.md) | "
            + " | ".join(f"{right[rule, name]} of {found[rule, name]}" for name in GROUPS)
            + " |"
            for rule in sorted({row["rule"] for row in judged})
        ),
    ]
