"""SARIF 2.1.0 (OASIS), for code scanning.

Severity becomes `level` and, for GitHub, `security-severity`; confidence, class, scope and route are properties; the
fingerprint that the baseline uses stands in `partialFingerprints`, so that moved code keeps its alert.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from fastness._version import __version__
from fastness.checker.finding import Confidence, Finding, Severity
from fastness.checker.score import defect_class

if TYPE_CHECKING:
    from fastness.checker.outcome import Outcome, Silenced
    from fastness.checker.rule import Rule

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS = {Severity.LOW: "note", Severity.MEDIUM: "warning", Severity.HIGH: "error", Severity.CRITICAL: "error"}
_SCORES = {Severity.LOW: "3.0", Severity.MEDIUM: "5.5", Severity.HIGH: "8.0", Severity.CRITICAL: "9.5"}
_PRECISION = {
    Confidence.LOW: "low",
    Confidence.MEDIUM: "medium",
    Confidence.HIGH: "high",
    Confidence.PROVED: "very-high",
}
_LARGEST = 2_000
"""Characters of a proof's text."""


def render(outcome: Outcome) -> str:
    """The whole log."""
    return json.dumps(document(outcome), indent=2, ensure_ascii=False) + "\n"


def document(outcome: Outcome) -> dict[str, Any]:
    """The log before it becomes text."""
    known = {rule.id: rule for rule in outcome.rules}
    shown = [*outcome.findings, *(silenced.finding for silenced in outcome.silenced)]
    ids = sorted(known.keys() | {finding.rule for finding in shown})
    silences = {id(silenced.finding): silenced for silenced in outcome.silenced}
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "fastness",
                        "semanticVersion": _semantic(__version__),
                        "informationUri": "https://github.com/fastness/fastness",
                        "rules": [_rule(identifier, known.get(identifier), shown) for identifier in ids],
                    }
                },
                "originalUriBaseIds": {"ROOT": {"description": {"text": "The folder that was checked."}}},
                "columnKind": "unicodeCodePoints",
                "invocations": [
                    {
                        "executionSuccessful": not outcome.blind,
                        "exitCode": outcome.exit_code,
                        "toolExecutionNotifications": [_notice("error", reason) for reason in outcome.blind]
                        + [_notice("warning", f"{s.path} was not read: {s.reason}") for s in outcome.skipped],
                    }
                ],
                "results": [
                    _result(finding, ids, silences.get(id(finding)), _scope(finding, outcome)) for finding in shown
                ],
                "properties": {
                    "files": outcome.files,
                    "routes": len(outcome.routes),
                    "routesTotal": outcome.routes_total,
                    "loaded": outcome.loading.done,
                    "packages": str(outcome.audit),
                },
            }
        ],
    }


def _rule(identifier: str, rule: type[Rule] | None, shown: Iterable[Finding]) -> dict[str, Any]:
    sample = next((finding for finding in shown if finding.rule == identifier), None)
    severity = rule.severity if rule else sample.severity if sample else Severity.MEDIUM
    tags = ["security", *(rule.owasp if rule else ())]
    tags += [f"ASVS-5.0.0-{number}" for number in (rule.asvs if rule else ())]
    tags += [f"external/cwe/cwe-{number:03d}" for number in (rule.cwe if rule else ())]
    why = (rule.why if rule else "") or (sample.why if sample else "")
    name = rule.name if rule else sample.name if sample else identifier
    return {
        "id": identifier,
        "name": name,
        "shortDescription": {"text": name.replace("-", " ")},
        **({"fullDescription": {"text": why}} if why else {}),
        "help": {"text": f"fastness explain {identifier}"},
        "defaultConfiguration": {"level": _LEVELS[severity]},
        "properties": {"tags": tags, "security-severity": _SCORES[severity], "precision": "high"},
    }


def _scope(finding: Finding, outcome: Outcome) -> str:
    """Whether a finding is about a route, a whole application (its place is the constructor) or a line."""
    if finding.route:
        return "route"
    heads = {(app.place.path, app.place.line) for app in outcome.applications}
    return "app" if (finding.place.path, finding.place.line) in heads else "line"


def _result(finding: Finding, ids: list[str], silenced: Silenced | None, scope: str) -> dict[str, Any]:
    place = finding.place
    region: dict[str, Any] = {"startLine": max(1, place.line)}
    if place.end_line > place.line:
        region["endLine"] = place.end_line
    if place.column:
        region["startColumn"] = place.column
    location: dict[str, Any] = {
        "physicalLocation": {
            "artifactLocation": {"uri": quote(place.path), "uriBaseId": "ROOT"},
            "region": region,
        }
    }
    if finding.route:
        location["logicalLocations"] = [{"fullyQualifiedName": finding.route, "kind": "member"}]
    found: dict[str, Any] = {
        "ruleId": finding.rule,
        "ruleIndex": ids.index(finding.rule),
        "level": _LEVELS[finding.severity],
        "message": {"text": _message(finding)},
        "locations": [location],
        "partialFingerprints": {"fastness/v1": finding.fingerprint},
        "properties": {
            "class": defect_class(finding.rule),
            "scope": scope,
            "severity": finding.severity.name.lower(),
            "confidence": finding.confidence.name.lower(),
            "precision": _PRECISION[finding.confidence],
            "security-severity": _SCORES[finding.severity],
            "owasp": list(finding.owasp),
            "asvs": list(finding.asvs),
            "proofs": [
                {"lens": p.lens, "text": p.text[:_LARGEST], "request": p.request[:_LARGEST], "answer": p.answer[:_LARGEST]}
                for p in finding.proofs
            ],
        },
    }  # fmt: skip
    if finding.fixes:
        found["fixes"] = [_fix(finding)]
    if silenced is not None:
        kind = "inSource" if silenced.by == "comment" else "external"
        found["suppressions"] = [
            {"kind": kind, "status": "accepted"}
            | ({"justification": silenced.reason} if silenced.reason else {})
        ]  # fmt: skip
    return found


def _fix(finding: Finding) -> dict[str, Any]:
    changes = []
    for path in dict.fromkeys(fix.path for fix in finding.fixes):
        replacements = []
        for fix in finding.fixes:
            if fix.path != path:
                continue
            lines = fix.old.split("\n")
            column = (fix.column if len(lines) == 1 else 1) + len(lines[-1])
            replacements.append({
                "deletedRegion": {
                    "startLine": fix.line, "startColumn": fix.column,
                    "endLine": fix.line + len(lines) - 1, "endColumn": column,
                },
                "insertedContent": {"text": fix.new},
            })  # fmt: skip
        changes.append({"artifactLocation": {"uri": quote(path), "uriBaseId": "ROOT"}, "replacements": replacements})
    return {"description": {"text": finding.fix or "exact edit"}, "artifactChanges": changes}


def _message(finding: Finding) -> str:
    parts = [finding.message, finding.why and f"Why: {finding.why}", finding.fix and f"Fix: {finding.fix}"]
    return "\n".join(part for part in parts if part)


def _notice(level: str, text: str) -> dict[str, Any]:
    return {"level": level, "message": {"text": text}}


def _semantic(version: str) -> str:
    numbers = version.split("+", maxsplit=1)[0].split(".")
    return ".".join([*numbers, "0", "0"][:3]) if all(part.isdigit() for part in numbers[:3]) else "0.0.0"
