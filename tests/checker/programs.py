"""Takes the programs out of rule pages and runs rules over programs, statically."""

from __future__ import annotations

import inspect
import sys
import textwrap
from collections.abc import Iterable
from pathlib import Path

from fastness.checker.engine import static
from fastness.checker.evidence.project import Project
from fastness.checker.finding import Finding, Persona
from fastness.checker.rule import Rule

SECTIONS = (
    "What it looks for",
    "Why it matters",
    "Bad",
    "Good",
    "How it is found",
    "What it cannot see",
    "How to tell the checker",
    "References",
)


def page(rule: type[Rule]) -> str:
    """The docstring of the rule's file."""
    return inspect.getdoc(sys.modules[rule.__module__]) or ""


def section(rule: type[Rule], title: str) -> str:
    """The text under one heading of the page, without its indent."""
    text = page(rule).partition(f"## {title}\n")[2].partition("\n## ")[0]
    return textwrap.dedent(text).strip("\n") + "\n"


def is_static(rule: type[Rule]) -> bool:
    """Whether the rule has a lens that reads the source."""
    return rule.read is not Rule.read or rule.inspect is not Rule.inspect


def write(folder: Path, source: str, name: str = "main.py") -> None:
    """Put a program into a folder. Lines `# file: path` begin further files of it; Bad programs may be other files."""
    path, lines = name, list[str]()
    for line in [*source.splitlines(), "# file: "]:
        if line.startswith("# file: "):
            if lines:
                target = folder / path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text("\n".join(lines) + "\n")
            path, lines = line.removeprefix("# file: ").strip(), []
        else:
            lines.append(line)


def found(folder: Path, rules: Iterable[type[Rule]]) -> tuple[Finding, ...]:
    """What the rules find in a folder."""
    return static(Project(folder), rules)


def regular(findings: Iterable[Finding], rule: type[Rule]) -> list[str]:
    """The messages of one rule that a maintainer sees; for a rule that speaks to others, what those see."""
    return [f.message for f in findings if f.rule == rule.id and f.persona <= max(rule.persona, Persona.REGULAR)]
