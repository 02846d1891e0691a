"""Which findings are shown: comments, settings, persona, confidence, baseline and changed lines, in this order.

Comments go first, so that one about a pedantic finding is not called unused in a regular run.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fastness.checker.finding import Finding, Lens, Place
from fastness.checker.outcome import Silenced
from fastness.checker.rule import Rule
from fastness.checker.rules.itself.obsolete_baseline_entry import ObsoleteBaselineEntry
from fastness.checker.rules.itself.vain_suppression import VainSuppression

if TYPE_CHECKING:
    from fastness.checker.baseline import Baseline
    from fastness.checker.changes import Changes
    from fastness.checker.comments import Comment
    from fastness.checker.rulebook import Rulebook
    from fastness.checker.settings import CheckSettings


@dataclass(frozen=True, slots=True)
class Silence:
    """What is said and what is not."""

    shown: tuple[Finding, ...]
    """Worst first, then by place."""
    silenced: tuple[Silenced, ...]
    known: tuple[Finding, ...]
    """What a baseline would be written from: all that would be shown without one."""


def silence(
    findings: Iterable[Finding],
    *,
    settings: CheckSettings,
    book: Rulebook,
    ran: Rulebook,
    lenses: frozenset[Lens] = frozenset({"read", "inspect", "audit"}),
    comments: Iterable[Comment] = (),
    baseline: Baseline | None = None,
    changes: Changes | None = None,
) -> Silence:
    """Sort findings into shown and silenced. `book` has every rule, `ran` those that ran, `lenses` how they looked."""
    comments, silenced, rest = list(comments), list[Silenced](), list[Finding]()
    used: set[int] = set()
    for finding in findings:
        hits = [n for n, comment in enumerate(comments) if comment.silences(finding)]
        used.update(hits)
        if hits:
            silenced.append(Silenced(finding, "comment", comments[hits[0]].reason))
        else:
            rest.append(finding)
    if any(rule.id == VainSuppression.id for rule in ran):
        rest += _vain(comments, used, ran, lenses)
    kept: list[Finding] = []
    for finding in rest:
        if any(finding.rule in book.matching(word) for word in settings.ignored_at(finding.place.path)):
            silenced.append(Silenced(finding, "setting", "per-path-ignores"))
        elif finding.persona <= settings.persona and finding.confidence >= settings.min_confidence:
            kept.append(finding)
    shown = _new(kept, silenced, baseline) if baseline else list(kept)
    if baseline and changes is None and any(rule.id == ObsoleteBaselineEntry.id for rule in ran):
        shown += _obsolete(baseline, kept, ran)
    if changes is not None:
        shown = [finding for finding in shown if changes.touch(finding)]
    return Silence(tuple(sorted(shown, key=_order)), tuple(silenced), tuple(sorted(kept, key=_order)))


def _vain(comments: list[Comment], used: set[int], ran: Rulebook, lenses: frozenset[Lens]) -> Iterable[Finding]:
    rule, looked = VainSuppression(), {r.id: r for r in ran}
    for number, comment in enumerate(comments):
        if not comment.rules:
            yield rule.found(comment.place, "this suppression names no rule, so it silences nothing", subject="no rule")
            continue
        names = ", ".join(sorted(comment.rules))
        if not comment.reason:
            yield rule.found(comment.place, f"the suppression of {names} gives no reason", subject=f"reason {names}")
        # What did not look in every way it can may not call a comment vain.
        whole = all(r in looked and ("attack" in lenses or looked[r].attack is Rule.attack) for r in comment.rules)
        if whole and number not in used:
            yield rule.found(
                comment.place, f"nothing here needs the suppression of {names} any more", subject=f"unused {names}"
            )


def _new(kept: list[Finding], silenced: list[Silenced], baseline: Baseline) -> list[Finding]:
    known, shown = baseline.known(), list[Finding]()
    for finding in kept:
        if known[finding.fingerprint] > 0:
            known[finding.fingerprint] -= 1
            silenced.append(Silenced(finding, "baseline"))
        else:
            shown.append(finding)
    return shown


def _obsolete(baseline: Baseline, kept: list[Finding], ran: Rulebook) -> Iterable[Finding]:
    there = {finding.fingerprint for finding in kept}
    looked = {rule.id for rule in ran}
    for entry in baseline.entries:
        if entry.fingerprint not in there and entry.rule in looked:
            yield ObsoleteBaselineEntry().found(
                Place(baseline.path, entry.line),
                f"{entry.rule} in {entry.path} is repaired: {entry.message}",
                subject=entry.fingerprint,
            )


def _order(finding: Finding) -> tuple[int, int, Place, str]:
    return (-finding.severity, -finding.confidence, finding.place, finding.rule)
