"""For people: coverage first, then each problem with its place, line, why and next step, then one line that counts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from fastness.checker.finding import Severity
from fastness.checker.reports import coverage

if TYPE_CHECKING:
    from fastness.checker.finding import Finding
    from fastness.checker.outcome import Outcome, Sources

_COLOURS = {Severity.CRITICAL: "1;35", Severity.HIGH: "1;31", Severity.MEDIUM: "1;33", Severity.LOW: "1;36"}
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")
_PROOF_LINES = 6


def render(outcome: Outcome, *, colour: bool = False) -> str:
    """The whole report."""
    paint = Paint(on=colour)
    sources = outcome.sources
    parts = ["\n".join(coverage.said(outcome)), ""]
    for finding in outcome.findings:
        parts += ["\n".join(diagnostic(finding, sources, paint)), ""]
    parts += [paint(f"not analysed: {reason}", "1;31") for reason in outcome.blind]
    return "\n".join((*parts, paint(outcome.summary(), "1"))) + "\n"


class Paint:
    """Colours a terminal understands, or none."""

    def __init__(self, *, on: bool) -> None:
        self.on = on

    def __call__(self, text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.on else text


def diagnostic(finding: Finding, sources: Sources, paint: Paint) -> Iterator[str]:
    """What happened, where, why it matters, the next step."""
    head = f"{finding.severity.name.lower()}[{finding.rule}] {finding.name}"
    yield f"{paint(head, _COLOURS[finding.severity])}: {clean(finding.message)}"
    place = finding.place
    where = f"{place.path}:{place.line}" + (f":{place.column}" if place.column else "")
    gutter = len(str(place.line))
    yield f"{' ' * gutter}--> {where}" + (f" ({finding.route})" if finding.route else "")
    quoted = sources.line(place.path, place.line)
    if quoted.strip():
        yield f"{' ' * gutter} |"
        yield f"{place.line} | {quoted.expandtabs(4)}"
        yield f"{' ' * gutter} | {_underlined(quoted, place.column)}"
    notes = [("why", finding.why), ("fix", finding.fix + (_FIXABLE if finding.fixes else ""))]
    notes += [("proved", f"{proof.text} {_exchange(proof.request, proof.answer)}".strip()) for proof in finding.proofs
              if proof.lens == "attack"]  # fmt: skip
    notes.append(("sure", finding.confidence.name.lower()) if not finding.proved else ("", ""))
    notes.append(("more", f"fastness explain {finding.rule}"))
    for name, note in notes:
        if note.strip():
            yield f"{' ' * gutter} = {name}: {_folded(clean(note), gutter)}"


def clean(text: str) -> str:
    """The text without what drives a terminal: names and answers come from strangers."""
    return _UNPRINTABLE.sub("?", text)


_FIXABLE = "  (fastness check --fix writes it)"


def _underlined(line: str, column: int) -> str:
    start = column - 1 if 0 < column <= len(line) else len(line) - len(line.lstrip())
    shown = len(line[:start].expandtabs(4))
    rest = line[start:].split("#", maxsplit=1)[0].rstrip() or line[start:].rstrip()
    return " " * shown + "^" * max(1, len(rest.expandtabs(4)))


def _exchange(request: str, answer: str) -> str:
    return f"{request}\n{answer}".strip() if request or answer else ""


def _folded(note: str, gutter: int) -> str:
    lines = note.splitlines()
    if len(lines) > _PROOF_LINES:
        lines = [*lines[:_PROOF_LINES], "..."]
    return f"\n{' ' * gutter}   ".join(lines)
