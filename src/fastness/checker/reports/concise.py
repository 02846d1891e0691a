"""One line for each problem, as compilers print it, and the line that counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastness.checker.reports.text import clean

if TYPE_CHECKING:
    from fastness.checker.outcome import Outcome


def render(outcome: Outcome) -> str:
    """The whole report."""
    lines = []
    for finding in outcome.findings:
        place = finding.place
        route = f" [{finding.route}]" if finding.route else ""
        lines.append(
            f"{place.path}:{place.line}:{place.column or 1}: {finding.rule} {finding.severity.name.lower()} "
            f"{finding.name}: {' '.join(clean(finding.message).split())}{route}"
        )
    lines += [f"not analysed: {reason}" for reason in outcome.blind]
    return "\n".join((*lines, outcome.summary())) + "\n"
