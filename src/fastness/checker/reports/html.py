"""One page for people who decide: grade, coverage, OWASP and ASVS, who may call what, and every finding.

Self-contained, no script, light and dark, made to be printed. Everything that comes from the target is escaped.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from html import escape
from importlib.resources import files
from typing import TYPE_CHECKING

from fastness._version import __version__
from fastness.checker.matrix import DUTIES, Row, rows
from fastness.checker.outcome import counted
from fastness.checker.reports import charts, coverage
from fastness.checker.reports.text import clean
from fastness.checker.score import GRADES, Requirement, api_top_10, asvs, grade, guide

if TYPE_CHECKING:
    from fastness.checker.finding import Finding
    from fastness.checker.outcome import Outcome, Sources

_TONES = {"failed": "high", "nothing found": "good", "not checked": "none"}
_ACCESS = {"guarded": "good", "public": "low", "optional": "medium", "unknown": "high"}


def render(outcome: Outcome) -> str:
    """The whole page."""
    style = files("fastness.checker.reports").joinpath("style.css").read_text(encoding="utf-8")
    title = f"Fastness report: {outcome.root.resolve().name or 'application'}"
    body = "\n".join(
        part for section in (_head, _tiles, _findings, _risks, _guide, _matrix, _asvs, _silenced) for part in section(outcome)
    )  # fmt: skip
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        f"<title>{escape(title)}</title>\n<style>\n{style}</style>\n</head>\n<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )


def _head(outcome: Outcome) -> Iterator[str]:
    name = outcome.root.resolve().name or "application"
    yield f"<h1>{_text(name)}</h1>"
    yield f'<p class="soft">Security report of fastness {escape(__version__)}. {_text(outcome.summary())}</p>'
    if outcome.blind:
        reasons = "".join(f"<li>{_text(reason)}</li>" for reason in outcome.blind)
        yield f'<div class="blind" role="alert"><strong>Not analysed.</strong><ul class="plain">{reasons}</ul></div>'


def _tiles(outcome: Outcome) -> Iterator[str]:
    letter, counts = grade(outcome), outcome.counts()
    kinds = Counter(row.access for row in rows(outcome.applications) if row.route.kind != "mount")
    levels = [(level.name.lower(), count, level.name.lower()) for level, count in counts.items()]
    shares = [(kind, kinds[kind], tone) for kind, tone in _ACCESS.items()]  # type: ignore[index]
    legend = "".join(f'<li class="{tone}"><i></i>{number} {kind}</li>' for kind, number, tone in shares)
    facts = "".join(f"<li>{_text(line.strip())}</li>" for line in coverage.said(outcome))
    yield '<section class="tiles" aria-label="Overview">'
    yield (
        f'<div class="card grade"><div class="letter {letter if letter != "-" else "none"}">{letter}</div>'
        f'<div><strong>Grade</strong><p class="small soft">{_text(GRADES[letter])}</p></div></div>'
    )
    yield f'<div class="card"><strong>Findings</strong>{charts.bars(levels, title="Findings by severity")}</div>'
    ring = charts.ring(shares, title="Routes by access", middle=str(len(outcome.routes)))
    yield f'<div class="card"><strong>Routes</strong><div class="withring">{ring}<ul class="legend">{legend}</ul></div></div>'
    yield "</section>"
    yield f'<h2>What was seen</h2><ul class="plain">{facts}</ul>'


def _findings(outcome: Outcome) -> Iterator[str]:
    yield f"<h2>{counted(len(outcome.findings), 'finding')}</h2>"
    if not outcome.findings:
        yield f"<p>{'Nothing can be said: see above.' if outcome.blind else 'None, in what was seen.'}</p>"
    sources = outcome.sources
    for finding in outcome.findings:
        yield from _finding(finding, sources)


def _finding(finding: Finding, sources: Sources) -> Iterator[str]:
    level, place = finding.severity.name.lower(), finding.place
    sure = "proved" if finding.proved else f"{finding.confidence.name.lower()} confidence"
    yield f'<article class="card {level}" id="f-{finding.fingerprint}">'
    yield (
        f'<header class="{level}"><span class="tag">{level}</span><h3>{_text(finding.message)}</h3>'
        f'<span class="soft small">{_text(finding.rule)} {_text(finding.name)}, {sure}</span></header>'
    )
    route = f" &nbsp;<code>{_text(finding.route)}</code>" if finding.route else ""
    yield f"<p><code>{_text(f'{place.path}:{place.line}')}</code>{route}</p>"
    quoted = sources.line(place.path, place.line)
    if quoted.strip():
        yield f'<pre><span class="n">{place.line}  </span>{escape(quoted)}</pre>'
    notes = [
        ("Why", finding.why),
        ("Fix", finding.fix),
        ("OWASP", ", ".join(finding.owasp)),
        ("ASVS", ", ".join(finding.asvs)),
    ]
    if any(note for _, note in notes):
        yield "<dl>" + "".join(f"<dt>{name}</dt><dd>{_text(note)}</dd>" for name, note in notes if note) + "</dl>"
    for proof in finding.proofs:
        if proof.lens == "attack":
            yield f"<p><strong>Proved:</strong> {_text(proof.text)}</p>"
            for said, what in (("Sent", proof.request), ("Answered", proof.answer)):
                if what.strip():
                    yield f'<p class="small soft">{said}</p><pre>{_text(what.strip())}</pre>'
    yield "</article>"


def _risks(outcome: Outcome) -> Iterator[str]:
    yield "<h2>OWASP API Security Top 10:2023</h2>"
    yield from _requirements(api_top_10(outcome), "risk")


def _guide(outcome: Outcome) -> Iterator[str]:
    yield "<h2>The guide's checklist</h2>"
    yield from _requirements(guide(outcome), "line")


def _asvs(outcome: Outcome) -> Iterator[str]:
    judged = asvs(outcome)
    verdicts = Counter(requirement.verdict for requirement in judged)
    slices = [(verdict, verdicts[verdict], tone) for verdict, tone in _TONES.items()]  # type: ignore[index]
    legend = "".join(f'<li class="{tone}"><i></i>{number} {verdict}</li>' for verdict, number, tone in slices)
    yield "<h2>OWASP ASVS 5.0</h2>"
    yield (
        '<p class="soft">Of 345 requirements, those that a rule or a control of ours knows. "Nothing found" is not '
        '"met": much of ASVS is about documents, infrastructure and the application\'s own logic.</p>'
    )
    yield f'<div class="withring">{charts.ring(slices, title="ASVS requirements", middle=str(len(judged)))}<ul class="legend">{legend}</ul></div>'
    seen = [requirement for requirement in judged if requirement.verdict != "not checked"]
    yield from _requirements(seen, "requirement")
    unseen = ", ".join(requirement.id for requirement in judged if requirement.verdict == "not checked")
    if unseen:
        yield f'<p class="small soft">Not checked in this run: {unseen}.</p>'


def _requirements(found: Iterable[Requirement], name: str) -> Iterator[str]:
    yield f'<div class="scroll" tabindex="0"><table class="judged"><thead><tr><th>{name}</th><th></th><th>status</th><th>rules</th></tr></thead><tbody>'
    for requirement in found:
        level = f' <span class="soft small">L{requirement.level}</span>' if requirement.level else ""
        links = ", ".join(
            f'<a href="#f-{mark}">{n}</a>' for n, mark in enumerate(dict.fromkeys(requirement.findings), start=1)
        )
        failed = f"{requirement.verdict} ({links})" if links else requirement.verdict
        yield (
            f'<tr><td class="nowrap">{_text(requirement.id)}{level}</td><td>{_text(requirement.title)}</td>'
            f'<td class="{_TONES[requirement.verdict]}">{failed}</td>'
            f'<td class="small soft">{" ".join(requirement.rules) or "-"}</td></tr>'
        )
    yield "</tbody></table></div>"


def _matrix(outcome: Outcome) -> Iterator[str]:
    found = rows(outcome.applications)
    yield "<h2>Who may call what</h2>"
    if not found:
        yield "<p>No route was seen.</p>"
        return
    for name in dict.fromkeys(row.application for row in found):
        own = [row for row in found if row.application == name]
        # Duties that nothing does anywhere in the application would be empty columns.
        done = [number for number in range(len(DUTIES)) if any(row.cells[number] for row in own)]
        heads = "".join(f"<th>{DUTIES[number]}</th>" for number in done)
        yield f"<h3>{_text(name)}</h3>"
        yield (
            '<div class="scroll" tabindex="0"><table class="matrix"><thead><tr><th>route</th><th>who</th>'
            f"{heads}</tr></thead><tbody>"
        )
        yield from (_row(row, done) for row in own)
        yield "</tbody></table></div>"


def _row(row: Row, done: Iterable[int]) -> str:
    cells = "".join(f"<td>{_text(row.cells[number]) or '<span class=none>-</span>'}</td>" for number in done)
    why = f'<br><span class="small soft">{_text(row.route.public)}</span>' if row.route.public else ""
    return (
        f'<tr><td><code>{_text(str(row.route))}</code></td><td><span class="tag {_ACCESS[row.access]}">{row.access}</span>'
        f"{why}</td>{cells}</tr>"
    )


def _silenced(outcome: Outcome) -> Iterator[str]:
    if not outcome.silenced:
        return
    yield f"<h2>{len(outcome.silenced)} silenced</h2>"
    yield '<div class="scroll" tabindex="0"><table><thead><tr><th>rule</th><th>place</th><th>problem</th><th>by</th><th>reason</th></tr></thead><tbody>'
    for silenced in outcome.silenced:
        finding = silenced.finding
        yield (
            f'<tr><td class="nowrap">{_text(finding.rule)}</td><td><code>{_text(f"{finding.place.path}:{finding.place.line}")}</code></td>'
            f"<td>{_text(finding.message)}</td><td>{silenced.by}</td><td>{_text(silenced.reason) or '-'}</td></tr>"
        )
    yield "</tbody></table></div>"


def _text(text: str) -> str:
    return escape(clean(text))
