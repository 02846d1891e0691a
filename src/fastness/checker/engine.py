"""Runs rules over evidence: gather once, ask each rule through its lenses, merge what is said of one place."""

from __future__ import annotations

import contextlib
import traceback
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from fastness.checker.evidence.intent import Intent
from fastness.checker.evidence.model import Application
from fastness.checker.evidence.project import Project
from fastness.checker.evidence.source import at_work, kind_of
from fastness.checker.finding import Finding, Lens, Persona, Proof
from fastness.checker.rule import Rule
from fastness.checker.settings import CheckSettings


def intent_of(settings: CheckSettings) -> Intent:
    """What the settings declare about the application, as evidence takes it."""
    return Intent(
        public=settings.public,
        access=frozenset(settings.authentication),
        roles=frozenset(settings.roles),
        limiters=frozenset(settings.limiters),
        gateway=frozenset(settings.gateway),
    )


def static(
    project: Project, rules: Iterable[type[Rule]], applications: Iterable[Application] | None = None
) -> tuple[Finding, ...]:
    """What the lenses `read` and `inspect` find, merged and sorted by path, line and rule.

    Args:
        applications: those of the source unless given; `live` gives them with what was loaded.
    """
    rules = tuple(rules)
    with at_work():
        routes = inspected(project.applications if applications is None else applications, rules)
        return merged([*read(project, rules), *routes])


def read(project: Project, rules: Iterable[type[Rule]], failed: list[str] | None = None) -> Iterator[Finding]:
    """What the source lens finds. A rule that fails is named in `failed`, where there is one, and the others go on."""
    for rule in rules:
        with failing(rule, failed):
            for finding in rule().read(project):
                yield _seen(finding, "read")


def inspected(
    applications: Iterable[Application], rules: Iterable[type[Rule]], failed: list[str] | None = None
) -> Iterator[Finding]:
    """What the route model lens finds; `failed` as for `read`."""
    applications = tuple(applications)
    for rule in rules:
        for application in applications:
            with failing(rule, failed):
                for finding in rule().inspect(application):
                    yield _seen(_known(finding), "inspect")


@contextlib.contextmanager
def failing(rule: type[Rule], failed: list[str] | None) -> Iterator[None]:
    """Catches what a rule raises, where somebody collects it: one broken rule must not hide what the others find."""
    try:
        yield
    except Exception as error:
        if failed is None:
            raise
        where = traceback.extract_tb(error.__traceback__)[-1]
        words = f"rule {rule.id} failed: {type(error).__name__}: {error} ({Path(where.filename).name}:{where.lineno})"
        if words not in failed:
            failed.append(words)


def _known(finding: Finding) -> Finding:
    """Applications of tests, examples and scripts serve nobody: what is wrong there is for pedantic readers."""
    if kind_of(finding.place.path) == "code" or finding.persona > Persona.REGULAR:
        return finding
    return replace(finding, persona=Persona.PEDANTIC)


def merged(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """One finding for one rule, place and route, with the proofs of all; the surest speaks.

    One function under several routes is one cause: its first route speaks for the others.
    """
    kept: dict[tuple[str, str, int, str], Finding] = {}
    spoken: dict[tuple[str, str, int], str] = {}
    for finding in findings:
        where = (finding.rule, finding.place.path, finding.place.line)
        route = spoken.setdefault(where, finding.route) if finding.route else ""
        key = (*where, route)
        if key not in kept:
            kept[key] = finding
        elif finding.route == route:
            kept[key] = kept[key].joined(finding)
    return tuple(sorted(kept.values(), key=lambda f: (f.place.path, f.place.line, f.rule, f.route)))


def _seen(finding: Finding, lens: Lens) -> Finding:
    """A static finding always says which lens saw it."""
    if finding.proofs:
        return finding
    return replace(finding, proofs=(Proof(lens, finding.message),))
