"""Annotations in GitHub's pull requests: workflow commands on standard output."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastness.checker.finding import Severity

if TYPE_CHECKING:
    from fastness.checker.outcome import Outcome

_COMMANDS = {
    Severity.LOW: "notice",
    Severity.MEDIUM: "warning",
    Severity.HIGH: "error",
    Severity.CRITICAL: "error",
}


def render(outcome: Outcome) -> str:
    """One command for each finding, worst first: GitHub shows the first ten of a step."""
    lines = []
    for finding in sorted(outcome.findings, key=lambda found: -found.severity):
        place = finding.place
        parts = {
            "file": place.path,
            "line": str(place.line),
            "endLine": str(max(place.line, place.end_line)),
            **({"col": str(place.column)} if place.column else {}),
            "title": f"{finding.rule} {finding.name}",
        }
        text = "\n".join(filter(None, (finding.message, finding.why, finding.fix and f"fix: {finding.fix}")))
        values = ",".join(f"{key}={_property(value)}" for key, value in parts.items())
        lines.append(f"::{_COMMANDS[finding.severity]} {values}::{_data(text)}")
    lines += [f"::error title=not analysed::{_data(reason)}" for reason in outcome.blind]
    return "\n".join((*lines, outcome.summary())) + "\n"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
