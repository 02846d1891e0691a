"""For programs. Schema 1: members are added, never renamed or taken away."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from fastness._version import __version__
from fastness.checker.finding import Finding
from fastness.checker.matrix import DUTIES, rows

if TYPE_CHECKING:
    from fastness.checker.outcome import Outcome


def render(outcome: Outcome) -> str:
    """The whole report."""
    return json.dumps(document(outcome), indent=2, ensure_ascii=False) + "\n"


def document(outcome: Outcome) -> dict[str, Any]:
    """The report before it becomes text."""
    return {
        "schema": 1,
        "version": __version__,
        "status": outcome.status,
        "not_analysed": list(outcome.blind),
        "findings": [finding_document(finding) for finding in outcome.findings],
        "silenced": [
            {**finding_document(silenced.finding), "by": silenced.by, "reason": silenced.reason}
            for silenced in outcome.silenced
        ],
        "seen": {
            "files": outcome.files,
            "lines": outcome.lines,
            "skipped": [{"path": skipped.path, "reason": skipped.reason} for skipped in outcome.skipped],
            "routes": len(outcome.routes),
            "routes_total": outcome.routes_total,
            "loaded": outcome.loading.done,
            "loading": outcome.loading.text,
            "packages": {
                "source": outcome.audit.source,
                "complete": outcome.audit.complete,
                "versions": outcome.audit.packages,
                "problem": outcome.audit.problem,
            },
            "rules": [rule.id for rule in outcome.rules],
        },
        "routes": [
            {
                "application": row.application,
                "route": str(row.route),
                "path": row.route.place.path,
                "line": row.route.place.line,
                "access": row.access,
                "public": row.route.public,
                "duties": {duty: cell for duty, cell in zip(DUTIES, row.cells, strict=True) if cell},
                "seen": sorted(row.route.seen),
            }
            for row in rows(outcome.applications)
        ],
        "seconds": round(outcome.seconds, 3),
    }


def finding_document(finding: Finding) -> dict[str, Any]:
    """One finding."""
    place = finding.place
    return {
        "rule": finding.rule,
        "name": finding.name,
        "message": finding.message,
        "severity": finding.severity.name.lower(),
        "confidence": finding.confidence.name.lower(),
        "path": place.path,
        "line": place.line,
        "end_line": max(place.line, place.end_line),
        "column": place.column or None,
        "route": finding.route or None,
        "owasp": list(finding.owasp),
        "asvs": list(finding.asvs),
        "fingerprint": finding.fingerprint,
        "why": finding.why,
        "fix": finding.fix,
        "fixable": bool(finding.fixes),
        "proofs": [
            {"lens": proof.lens, "text": proof.text, "request": proof.request, "answer": proof.answer}
            for proof in finding.proofs
        ],
    }
