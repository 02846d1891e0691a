"""A summary for job pages and comments of pull requests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastness.checker.reports import coverage
from fastness.checker.reports.text import clean
from fastness.checker.score import GRADES, api_top_10, grade

if TYPE_CHECKING:
    from fastness.checker.outcome import Outcome

_MOST = 50
"""Rows: a job page holds a megabyte, a reader less."""


def render(outcome: Outcome) -> str:
    """The whole summary."""
    letter = grade(outcome)
    parts = [f"## Fastness: {'no grade' if letter == '-' else f'grade {letter}'}", "", f"{GRADES[letter]}.", ""]
    parts += [f"> **Not analysed:** {cell(reason)}" for reason in outcome.blind]
    parts += ["", f"**{outcome.summary()}**", ""]
    if outcome.findings:
        parts += ["| severity | rule | place | problem |", "|---|---|---|---|"]
        for finding in outcome.findings[:_MOST]:
            sure = ", proved" if finding.proved else ""
            where = f"{code(f'{finding.place.path}:{finding.place.line}')}" + (
                f"<br>{code(finding.route)}" if finding.route else ""
            )
            parts.append(
                f"| {finding.severity.name.lower()}{sure} | {finding.rule} {finding.name} | {where} "
                f"| {cell(finding.message)} |"
            )
        if len(outcome.findings) > _MOST:
            parts.append(f"| | | | and {len(outcome.findings) - _MOST} more |")
        parts.append("")
    parts += ["<details><summary>OWASP API Security Top 10:2023</summary>", "", "| risk | | status |", "|---|---|---|"]
    parts += [f"| {risk.id} | {risk.title} | {risk.verdict} |" for risk in api_top_10(outcome)]
    parts += ["", "</details>", "", "<details><summary>What was seen</summary>", ""]
    parts += [f"- {cell(line.strip())}" for line in coverage.said(outcome)]
    return "\n".join((*parts, "", "</details>", ""))


def cell(text: str) -> str:
    """Text that stays inside its table cell and makes no markup of a stranger's name."""
    kept = " ".join(clean(text).split())
    for sign in "\\`*_[]<>|#":
        kept = kept.replace(sign, f"\\{sign}")
    return kept.replace("@", "@\u200b")  # mentions nobody


def code(text: str) -> str:
    """Text as code inside a table cell."""
    return f"`{' '.join(clean(text).split()).replace('`', chr(39)).replace('|', chr(92) + '|')}`"
