"""JUnit XML: one test case for each rule that ran; what could not be seen is an error, never a pass."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element, SubElement, tostring

from fastness.checker.reports.text import clean

if TYPE_CHECKING:
    from fastness.checker.outcome import Outcome


def render(outcome: Outcome) -> str:
    """The whole document. A rule's case fails when a finding of it is at or above `fail_on`; others are its output."""
    rules = {rule.id: rule.name for rule in outcome.rules} | {f.rule: f.name for f in outcome.findings}
    failing = {finding.rule for finding in outcome.failing}
    root = Element("testsuites", name="fastness check")
    suite = SubElement(
        root, "testsuite", name="fastness check", tests=str(len(rules) + 1), failures=str(len(failing)),
        errors=str(int(bool(outcome.blind))), skipped="0", time=f"{outcome.seconds:.3f}",
    )  # fmt: skip
    coverage = SubElement(suite, "testcase", classname="fastness", name="coverage", time=f"{outcome.seconds:.3f}")
    if outcome.blind:
        SubElement(coverage, "error", message="not analysed").text = clean("\n".join(outcome.blind))
    for identifier, name in sorted(rules.items()):
        case = SubElement(suite, "testcase", classname="fastness", name=f"{identifier} {name}", time="0")
        found = [finding for finding in outcome.findings if finding.rule == identifier]
        text = clean("\n".join(f"{f.place.path}:{f.place.line}: {f.message}" + (f" [{f.route}]" if f.route else "") for f in found))  # fmt: skip
        if identifier in failing:
            level = max(finding.severity for finding in found).name.lower()
            SubElement(case, "failure", type=level, message=f"{len(found)} found").text = text
        elif found:
            SubElement(case, "system-out").text = text
    return '<?xml version="1.0" encoding="utf-8"?>\n' + tostring(root, encoding="unicode") + "\n"
