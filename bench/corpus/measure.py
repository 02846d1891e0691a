"""Run the checker over a folder of clones and write what it found, for a scorer of labelled points.

    python bench/corpus/measure.py CLONES OUT [--environments FOLDER] [--persona regular] [--only NAME ...]

With the folder that `environments.py` made, applications are loaded and attacked too, which runs their code; OUT.json then
says what became of each. CLONES holds one folder per repository, named `<owner>+<name>`; OUT gets
`<owner>+<name>.simple.json` for each. The last line on the terminal adds up: lines, seconds, findings per thousand lines.
`classes.json` says which kind of defect each rule stands for.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# A script's own folder comes first, and one of its files may have the name of a module.
sys.path.pop(0)
sys.path.insert(0, str(Path(__file__).parents[2]))

from bench.corpus.environments import needs

from fastness.checker.engine import inspected, merged, read, static
from fastness.checker.evidence.project import Project
from fastness.checker.finding import Finding, Persona
from fastness.checker.live import live
from fastness.checker.rulebook import built_in

CLASSES = Path(__file__).with_name("classes.json")
WHOLE = frozenset({"docs-exposed", "security-headers", "body-limit"})
"""Kinds of defect that stand for an application, not for a line."""


def main() -> None:
    """Write the findings and print one line per repository."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clones", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--environments", type=Path)
    parser.add_argument("--persona", choices=[p.name.lower() for p in Persona], default="regular")
    parser.add_argument("--only", nargs="*", default=())
    parser.add_argument("--left-out", nargs="*", default=())
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    lines = findings = 0
    became: dict[str, dict[str, Any]] = {}
    began = time.process_time()
    for clone in chosen(given.clones, given.only, given.left_out):
        start = time.process_time()
        project = Project(clone)
        if given.environments is None:
            said = static(project, built_in())
        else:
            said, became[clone.name] = attacked(project, given.environments / clone.name)
        found = [f for f in said if f.persona <= Persona[given.persona.upper()]]
        written = {"findings": [as_simple(f, clone.name.replace("+", "/", 1)) for f in found]}
        (given.out / f"{clone.name}.simple.json").write_text(json.dumps(written, indent=1) + "\n")
        size = sum(module.text.count("\n") for module in project.modules)
        seen = sum(len(application.routes) for application in project.applications)
        took = time.process_time() - start
        print(
            f"{clone.name:55} {size:7} lines {seen:4} routes {len(found):4} findings {took:6.2f} CPU s unread {len(project.unread)}"
        )
        lines, findings = lines + size, findings + len(found)
    if became:
        given.out.with_suffix(".json").write_text(json.dumps(became, indent=1) + "\n")
    took = time.process_time() - began
    print(
        f"{lines} lines, {findings} findings, {1000 * findings / max(1, lines):.2f} per 1,000 lines, {1000 * took / max(1, lines):.3f} CPU s per 1,000 lines"
    )


def attacked(project: Project, environment: Path) -> tuple[tuple[Finding, ...], dict[str, Any]]:
    """What all lenses find, and what became of loading and attacking."""
    need = needs().get(project.root.name, {})
    if not environment.is_dir():
        reason = need.get("reason", "there is no environment for it")
        return static(project, built_in()), {"loaded": False, "text": reason, "notes": []}
    variables = need.get("environment", {})
    seen = live(project, built_in(), probe=True, python=str(environment), variables=variables)
    found = merged([*read(project, built_in()), *seen.findings, *inspected(seen.applications, built_in())])
    return found, {
        "loaded": any(each.loaded for each in seen.applications),
        "text": seen.loading.text,
        "notes": list(seen.notes),
    }


def chosen(clones: Path, only: list[str], left_out: list[str]) -> Iterator[Path]:
    """The folders to look at, by name or a part of it."""
    for clone in sorted(p for p in clones.iterdir() if p.is_dir()):
        wanted = not only or any(part in clone.name for part in only)
        if wanted and not any(part in clone.name for part in left_out):
            yield clone


def as_simple(finding: Finding, repository: str) -> dict[str, Any]:
    """One finding as the scorer reads it."""
    kind = json.loads(CLASSES.read_text()).get(finding.rule)
    whole = kind in WHOLE
    folder = finding.place.path.rpartition("/")[0]
    return {
        "repo": repository,
        "path": f"{folder}/" if whole and folder else "" if whole else finding.place.path,
        "line": finding.place.line,
        "end_line": finding.place.end_line or finding.place.line,
        "rule": finding.rule,
        "route": finding.route,
        "scope": "app" if whole else "line",
        "message": finding.message,
        "persona": finding.persona.name.lower(),
    }


if __name__ == "__main__":
    main()
