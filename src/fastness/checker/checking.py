"""One run from settings to outcome: gather, ask each rule through its lenses, attack where asked, audit, silence."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from fastness.checker import baseline, changes, comments, engine
from fastness.checker.evidence import packages
from fastness.checker.evidence.advisories import UnreadableSourceError, source
from fastness.checker.evidence.project import Project
from fastness.checker.evidence.source import at_work
from fastness.checker.finding import Finding, Lens
from fastness.checker.outcome import Audit, Loading, Outcome, Skipped
from fastness.checker.rulebook import Rulebook, built_in
from fastness.checker.settings import CheckSettings, matches
from fastness.checker.silence import Silence, silence

if TYPE_CHECKING:
    from fastness.checker.evidence.model import Application


@dataclass(frozen=True, slots=True)
class Request:
    """What one run is asked."""

    root: Path
    """A folder, or one file."""
    targets: tuple[str, ...] = ()
    """`module:app`, each loaded, which runs its code. Empty: static, nothing is executed."""
    probe: bool = False
    """Attack what was loaded."""
    python: str = ""
    settings: CheckSettings = field(default_factory=CheckSettings)
    book: Rulebook | None = None
    """Every rule; ours unless given."""
    since: str = ""
    """Only findings on lines that changed since this revision."""
    ignore_comments: bool = False
    ignore_baseline: bool = False


@dataclass(frozen=True, slots=True)
class Checked:
    """The outcome, and what a baseline would be written from."""

    outcome: Outcome
    known: tuple[Finding, ...]


def check(request: Request) -> Checked:
    """Run.

    Raises:
        UnknownRuleError: the settings or a comment name a rule that does not exist.
        BaselineError, ChangesError: the baseline or the revision cannot be read.
    """
    started = time.perf_counter()
    book = request.book or built_in()
    ran = book.chosen(request.settings.select, request.settings.ignore)
    changed = changes.since(request.since, _folder(request.root)) if request.since else None
    known = _baseline(request)
    project = Project(request.root, intent=engine.intent_of(request.settings))
    failed: list[str] = []
    with at_work():
        found = list(engine.read(project, ran, failed))
        applications, loading, more, lenses = _applications(request, project, ran, failed)
        found += engine.inspected(applications, ran, failed)
    audit, advised = _audit(request, ran, failed)
    found = [f for f in (*engine.merged([*found, *more]), *advised) if not _excluded(f.place.path, request.settings)]
    quiet = silence(
        found,
        settings=request.settings,
        book=book,
        ran=ran,
        lenses=lenses,
        comments=() if request.ignore_comments else comments.comments_of(_texts(project, found), book),
        baseline=known,
        changes=changed,
    )
    outcome = Outcome(
        _folder(request.root),
        quiet.shown,
        quiet.silenced,
        applications,
        files=len(project.modules),
        lines=sum(module.text.count("\n") for module in project.modules),
        skipped=tuple(Skipped(unread.path, unread.why) for unread in project.unread),
        loading=loading,
        audit=audit,
        rules=ran.rules,
        lenses=lenses,
        fail_on=request.settings.fail_on,
        seconds=time.perf_counter() - started,
        complaints=tuple(failed),
    )
    return Checked(outcome, _baseline_material(quiet))


def _applications(
    request: Request, project: Project, ran: Rulebook, failed: list[str]
) -> tuple[tuple[Application, ...], Loading, list[Finding], frozenset[Lens]]:
    """The applications as source and interpreter show them; what was found on the way; the lenses that looked."""
    lenses = frozenset[Lens]({"read", "inspect", "audit"})
    if not request.targets and not request.probe:
        return project.applications, Loading(), [], lenses
    # Static mode must not pay for what starts interpreters.
    from fastness.checker.live import live

    # A thread of its own, since a test that calls this may run in a loop already.
    with ThreadPoolExecutor(1) as alone:
        ask = partial(live, project, ran, targets=request.targets, probe=request.probe, python=request.python)
        seen = alone.submit(ask, variables=request.settings.environment, failed=failed).result()
    ids = {rule.id for rule in ran}
    found = [finding for finding in seen.findings if finding.rule in ids]
    loading = replace(seen.loading, text="\n".join((seen.loading.text, *dict.fromkeys(seen.notes))))
    return seen.applications, loading, found, lenses | frozenset[Lens]({"attack"} if request.probe else ())


def _audit(request: Request, ran: Rulebook, failed: list[str]) -> tuple[Audit, list[Finding]]:
    python = Path(request.python) if request.python else None
    seen = packages.gather(_folder(request.root), python=python)
    try:
        seen = packages.audited(seen, source(request.settings.advisories))
    except UnreadableSourceError as error:
        seen = replace(seen, problem=str(error))
    audit = Audit(seen.source, complete=seen.complete, packages=len(seen.packages), problem=seen.problem)
    if not seen.packages and not seen.problem:
        audit = Audit()
    found: list[Finding] = []
    for rule in ran:
        with engine.failing(rule, failed):
            found += rule().audit(seen)
    return audit, found


def _texts(project: Project, found: Iterable[Finding]) -> dict[str, str]:
    """The texts whose comments count: all Python, and other files where something was found."""
    texts = {module.path: module.text for module in project.modules}
    for path in {finding.place.path for finding in found} - texts.keys():
        with contextlib.suppress(OSError):
            texts[path] = (_folder(project.root) / path).read_text(encoding="utf-8", errors="replace")
    return texts


def _baseline(request: Request) -> baseline.Baseline | None:
    named = request.settings.baseline
    if not named or request.ignore_baseline:
        return None
    return baseline.read(request.settings.folder / named, shown=named)


def _baseline_material(quiet: Silence) -> tuple[Finding, ...]:
    return tuple(finding for finding in quiet.known if not finding.rule.startswith("FN9"))


def _excluded(path: str, settings: CheckSettings) -> bool:
    """Whether a pattern leaves a file out. One that leaves out the whole checked folder was meant for other runs."""
    asked = settings.prefix.rstrip("/")
    return any(
        matches(settings.prefix + path, pattern)
        for pattern in settings.exclude
        if not asked or not matches(asked, pattern)
    )


def _folder(root: Path) -> Path:
    return root if root.is_dir() else root.parent


def joined(root: Path, runs: Iterable[Checked]) -> Checked:
    """Several runs as one, their paths beginning at `root`."""
    moved = [_moved(root, run) for run in runs]
    first = moved[0].outcome
    outcomes = [run.outcome for run in moved]
    outcome = replace(
        first,
        root=root,
        findings=tuple(f for o in outcomes for f in o.findings),
        silenced=tuple(s for o in outcomes for s in o.silenced),
        applications=tuple(a for o in outcomes for a in o.applications),
        files=sum(o.files for o in outcomes),
        lines=sum(o.lines for o in outcomes),
        skipped=tuple(s for o in outcomes for s in o.skipped),
        audit=next((o.audit for o in outcomes if o.audit.problem), first.audit),
        seconds=sum(o.seconds for o in outcomes),
        complaints=tuple(f"{o.root}: {reason}" for o in outcomes for reason in o.blind),
    )
    return Checked(outcome, tuple(f for run in moved for f in run.known))


def _moved(root: Path, run: Checked) -> Checked:
    prefix = run.outcome.root.resolve().relative_to(root.resolve()).as_posix()

    def there(finding: Finding) -> Finding:
        return replace(finding, place=replace(finding.place, path=f"{prefix}/{finding.place.path}"), fixes=tuple(
            replace(fix, path=f"{prefix}/{fix.path}") for fix in finding.fixes
        ))  # fmt: skip

    outcome = run.outcome
    if prefix == ".":
        return run
    outcome = replace(
        outcome,
        findings=tuple(map(there, outcome.findings)),
        silenced=tuple(replace(s, finding=there(s.finding)) for s in outcome.silenced),
        skipped=tuple(replace(s, path=f"{prefix}/{s.path}") for s in outcome.skipped),
        applications=tuple(_application(prefix, app) for app in outcome.applications),
    )
    return Checked(outcome, tuple(map(there, run.known)))


def _application(prefix: str, application: Application) -> Application:
    routes = tuple(replace(r, place=replace(r.place, path=f"{prefix}/{r.place.path}")) for r in application.routes)
    place = replace(application.place, path=f"{prefix}/{application.place.path}")
    return replace(application, name=f"{prefix}: {application.name}", place=place, routes=routes)


def unseen(settings: CheckSettings, *, trusted: bool) -> Iterator[str]:
    """What the settings ask for that only runs when the caller trusts the project."""
    if settings.rules and not trusted:
        yield f"rules of the project's own ({', '.join(settings.rules)}) were not run: --own-rules runs their code"
