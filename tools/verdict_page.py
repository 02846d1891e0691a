"""The table of public applications on docs/checker-accuracy.md, from the judged findings in tests/data/verdicts."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

DATA = Path(__file__).resolve().parents[1] / "tests" / "data" / "verdicts"


def lines_of(name: str) -> list[dict[str, Any]]:
    """The objects of one file of the data, one a line."""
    return [json.loads(line) for line in (DATA / name).read_text(encoding="utf-8").splitlines()]


def verdicts(_page: Path, _argument: str) -> str:
    """Each application with its size and its findings, the sum of all, and each rule that spoke."""
    judged = lines_of("verdicts.jsonl")
    right = Counter(row["repository"] for row in judged if row["verdict"] == "right")
    rows = [
        "| application | commit | lines | routes | findings | right | per 1,000 lines | CPU s | MB |",
        "|---|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    whole: Counter[str] = Counter()
    for one in sorted(lines_of("repositories.jsonl"), key=lambda row: str(row["repository"]).lower()):
        name = one["repository"] + (f" ({one['folder']})" if one["folder"] else "")
        rows.append(f"| {name} | `{one['commit'][:12]}` | {_numbers(one, right[one['repository']])} |")
        whole.update({key: one[key] for key in ("lines", "routes", "findings", "cpu_seconds")})
    most = max(one["memory_mb"] for one in lines_of("repositories.jsonl"))
    rows.append(f"| all | | {_numbers({**whole, 'memory_mb': most}, right.total())} |")
    return "\n".join([*rows, "", *_by_rule(judged)])


def _numbers(one: dict[str, Any], right: int) -> str:
    share = 1000 * one["findings"] / one["lines"]
    cells = (one["lines"], one["routes"], one["findings"], right, f"{share:.2f}", f"{one['cpu_seconds']:.1f}")
    return " | ".join(map(str, (*cells, one["memory_mb"])))


def _by_rule(judged: list[dict[str, Any]]) -> list[str]:
    found = Counter(row["rule"] for row in judged)
    right = Counter(row["rule"] for row in judged if row["verdict"] == "right")
    return [
        "| rule | findings | right |",
        "|---|---:|---:|",
        *(f"| [{rule}](rules/{rule}.md) | {found[rule]} | {right[rule]} |" for rule in sorted(found)),
    ]
