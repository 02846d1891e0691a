"""The grade, and what a run says about each requirement of ASVS 5.0 and each risk of the OWASP API Top 10.

A checker cannot say that a requirement is met, only that it looked and found nothing. The words say so.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Literal

from fastness.checker.finding import Confidence, Severity
from fastness.checker.rule import Rule
from fastness.core import catalog
from fastness.core.catalog import API_TOP_10, GUIDE_LINES

if TYPE_CHECKING:
    from fastness.checker.outcome import Outcome

Verdict = Literal["failed", "nothing found", "not checked"]
Grade = Literal["A", "B", "C", "D", "F", "-"]
GRADES: Mapping[Grade, str] = {
    "A": "nothing above low, every route seen, packages audited in full",
    "B": "nothing above medium",
    "C": "high findings",
    "D": "a critical finding, or an attack that proved a high one",
    "F": "an attack proved a critical finding",
    "-": "too little was seen to give a grade",
}


@dataclass(frozen=True, slots=True)
class Requirement:
    """One requirement or risk, and what the run says about it."""

    id: str
    title: str
    verdict: Verdict
    level: int = 0
    """1 to 3 in ASVS; 0 elsewhere."""
    rules: tuple[str, ...] = ()
    """Ids of the rules that look for a breach of it."""
    findings: tuple[str, ...] = ()
    """Fingerprints."""


def grade(outcome: Outcome) -> Grade:
    """One letter. A run that saw too little gets none, whatever it found."""
    if outcome.blind:
        return "-"
    worst = max((finding.severity for finding in outcome.findings), default=Severity.LOW)
    proved = max((f.severity for f in outcome.findings if f.confidence is Confidence.PROVED), default=Severity.LOW)
    if proved is Severity.CRITICAL:
        return "F"
    if worst is Severity.CRITICAL or proved is Severity.HIGH:
        return "D"
    if worst is Severity.HIGH:
        return "C"
    whole = len(outcome.routes) == outcome.routes_total and outcome.audit.complete and not outcome.skipped
    return "A" if whole and worst is Severity.LOW else "B"


def asvs(outcome: Outcome) -> tuple[Requirement, ...]:
    """The requirements of ASVS 5.0 that a rule or a control of ours knows, in the standard's order."""
    known = {identifier for rule in outcome.rules for identifier in rule.asvs}
    known |= {identifier for control in catalog.load() for identifier in control.asvs}
    known |= {identifier for finding in outcome.findings for identifier in finding.asvs}
    texts = asvs_texts()
    return tuple(
        _judged(outcome, identifier, text, [rule for rule in outcome.rules if identifier in rule.asvs], level=level)
        for identifier, (level, text) in texts.items()
        if identifier in known
    )


def api_top_10(outcome: Outcome) -> tuple[Requirement, ...]:
    """The ten risks of the edition of 2023."""
    return tuple(
        _judged(outcome, f"API{n}:2023", title, [rule for rule in outcome.rules if f"API{n}:2023" in rule.owasp])
        for n, title in API_TOP_10.items()
    )


def guide(outcome: Outcome) -> tuple[Requirement, ...]:
    """The eleven lines of the guide's checklist."""
    return tuple(
        _judged(outcome, str(n), says, [rule for rule in outcome.rules if n in rule.guide])
        for n, says in GUIDE_LINES.items()
    )


def document(outcome: Outcome) -> dict[str, Any]:
    """What `fastness score --format json` prints."""
    return {
        "schema": 1,
        "grade": grade(outcome),
        "status": outcome.status,
        "asvs": [{"id": r.id, "level": r.level, "status": r.verdict, "proofs": _proofs(r)} for r in asvs(outcome)],
        "api_top10": [{"id": r.id, "title": r.title, "status": r.verdict, "proofs": _proofs(r)} for r in api_top_10(outcome)],
        "guide": [{"line": int(r.id), "says": r.title, "status": r.verdict, "proofs": _proofs(r)} for r in guide(outcome)],
    }  # fmt: skip


@cache
def asvs_texts() -> Mapping[str, tuple[int, str]]:
    """Level and our short wording of each of the 345 requirements, by id. The standard's own text is at owasp.org."""
    text = files("fastness.checker").joinpath("asvs.csv").read_text(encoding="utf-8")
    return {row["id"]: (int(row["level"]), row["says"]) for row in csv.DictReader(text.splitlines())}


@cache
def defect_class(rule: str) -> str:
    """The kind of defect that a rule finds; empty where it has none."""
    return _classes().get(rule, "")


@cache
def _classes() -> Mapping[str, str]:
    import tomllib

    return tomllib.loads(files("fastness.checker").joinpath("classes.toml").read_text(encoding="utf-8"))


def _judged(
    outcome: Outcome, identifier: str, title: str, rules: Iterable[type[Rule]], *, level: int = 0
) -> Requirement:
    looking = tuple(rule.id for rule in rules if _looked(rule, outcome))
    broken = tuple(
        finding.fingerprint
        for finding in outcome.findings
        if finding.rule in looking or identifier in finding.asvs or identifier in finding.owasp
    )
    verdict: Verdict = "failed" if broken else "nothing found" if looking and not outcome.blind else "not checked"
    return Requirement(identifier, title, verdict, level, looking, broken)


def _looked(rule: type[Rule], outcome: Outcome) -> bool:
    """Whether a lens of this rule was used; the rules that a run itself finds have none and always look."""
    own = {
        "read": rule.read is not Rule.read,
        "inspect": rule.inspect is not Rule.inspect,
        "attack": rule.attack is not Rule.attack,
        "audit": rule.audit is not Rule.audit,
    }
    used = set(outcome.lenses) - (set() if outcome.audit.source else {"audit"})
    return not any(own.values()) or any(has and lens in used for lens, has in own.items())


def _proofs(requirement: Requirement) -> list[str]:
    return [*requirement.rules, *requirement.findings]
