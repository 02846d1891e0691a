"""The page with the figures of tools/mutate.py and the reason why nobody notices each change that is left."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

BEGIN, END = "<!-- figures -->", "<!-- /figures -->"
MISSING = "NO REASON YET"
_ENTRY = re.compile(r"(?m)^- `` (.+) ``\n  (.+)$")
_ROW = re.compile(r"(?m)^\| (?!all )(\w+) \| (\d+) \| (\d+) \| (\d+) \|")


@dataclass(frozen=True, slots=True)
class Figures:
    """How many changes there were, how many were noticed, and how many of these by hanging."""

    changes: int
    noticed: int
    late: int


def write(page: Path, tables: Mapping[str, Figures], survivors: Mapping[str, list[str]]) -> bool:
    """Put the new figures in; reasons, and controls that were not run, stay. Whether every survivor has a reason."""
    text = page.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    old, after = rest.split(END)
    known = dict(_ENTRY.findall(old))
    figures = figures_of(old)
    lists = {name: list(known_of(old, name)) for name in figures}
    figures, lists = {**figures, **tables}, {**lists, **survivors}
    made = _made(figures, lists, known)
    page.write_text(f"{before}{BEGIN}\n{made}{END}{after}", encoding="utf-8")
    return MISSING not in made


def figures_of(text: str) -> dict[str, Figures]:
    """The figures that the page has for each control."""
    return {name: Figures(*map(int, numbers)) for name, *numbers in _ROW.findall(text)}


def known_of(text: str, control: str) -> list[str]:
    """The changes that the page lists for a control."""
    found = re.search(rf"(?ms)^### {control}$(.*?)(?=^### |\Z)", text)
    return [name for name, _ in _ENTRY.findall(found[1])] if found else []


def _made(figures: Mapping[str, Figures], lists: Mapping[str, list[str]], known: Mapping[str, str]) -> str:
    lines = ["| control | changes | noticed | of these by time | share |", "|---|---|---|---|---|"]
    total = Figures(*(sum(getattr(one, name) for one in figures.values()) for name in ("changes", "noticed", "late")))
    for name, one in [*figures.items(), ("all", total)]:
        lines.append(
            f"| {name} | {one.changes} | {one.noticed} | {one.late} | {one.noticed / max(one.changes, 1):.1%} |"
        )
    for name, left in lists.items():
        lines += ["", f"### {name}", "", *([] if left else ["None is left.", ""])]
        for change in left:
            lines += [f"- `` {change} ``", f"  {known.get(change, MISSING)}"]
    return "\n".join(lines) + "\n"
