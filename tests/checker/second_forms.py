"""Runs the checker, as its users do, on the second bad program of a rule."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from fastness.checker.checking import Request, check
from fastness.checker.finding import Finding
from fastness.checker.rule import Rule
from fastness.checker.rulebook import built_in
from fastness.checker.settings import CheckSettings

FORMS = Path(__file__).parent.parent / "data" / "second_forms"
RULES = list(built_in())


def write(form: Path, folder: Path) -> None:
    """Put the files of a form into a folder."""
    for part in re.split(r"^==> ", form.read_text(), flags=re.MULTILINE)[1:]:
        path, _, text = part.partition(" <==\n")
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)


def live(rule: type[Rule]) -> bool:
    """Whether the rule says nothing about source alone."""
    source = rule.read is not Rule.read or rule.inspect is not Rule.inspect or rule.audit is not Rule.audit
    return rule.attack is not Rule.attack and not source


def findings(rule: type[Rule], folder: Path) -> tuple[Finding, ...]:
    """What all rules together show whom this rule speaks to; a rule that only attacks gets its application."""
    write(FORMS / f"{rule.id}.txt", folder)
    baseline = "baseline.json" if (folder / "baseline.json").exists() else ""
    settings = CheckSettings(persona=rule.persona, baseline=baseline, folder=folder)
    application = "main:app" if (folder / "main.py").exists() else "app.main:app"
    if live(rule) or rule.id == "FN902":
        return check(
            Request(folder, (application,), probe=True, python=sys.executable, settings=settings)
        ).outcome.findings
    return check(Request(folder, settings=settings)).outcome.findings
