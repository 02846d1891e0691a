"""Runs the bad and the good program of a rule's page as a live application, and its attack lens on them."""

from __future__ import annotations

import asyncio
import inspect
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path

from fastness.checker.evidence.loaded import Loaded, load
from fastness.checker.evidence.merge import NoSources, application_of
from fastness.checker.evidence.opening import attacker_of
from fastness.checker.finding import Finding
from fastness.checker.rule import Rule


@dataclass(frozen=True, slots=True)
class Seen:
    """What one attack found, and what the attacker said it could not try."""

    findings: tuple[Finding, ...]
    notes: tuple[str, ...]


def program(rule: type[Rule], section: str) -> str:
    """The program under `## Bad` or `## Good` in the docstring of the rule's file."""
    page = inspect.getdoc(sys.modules[rule.__module__]) or ""
    text = page.partition(f"## {section}\n")[2].partition("\n## ")[0]
    return textwrap.dedent(text)


def attacked(
    rule: type[Rule], source: str, folder: Path, *, python: str = sys.executable, budget: int = 2_000, **variables: str
) -> Seen:
    """Attack the application of this source with one rule."""
    (folder / "main.py").write_text(source)
    loaded = load("main:app", root=folder, python=python, variables=variables)
    assert isinstance(loaded, Loaded), loaded
    with loaded:
        return asyncio.run(_attack(rule, loaded, budget))


async def _attack(rule: type[Rule], loaded: Loaded, budget: int) -> Seen:
    attacker = await attacker_of(loaded, application_of(loaded, NoSources()), budget=budget)
    findings = [finding async for finding in rule().attack(attacker)]
    return Seen(tuple(findings), tuple(attacker.notes))
