"""What loading an application and attacking it add to a static run. Only what was asked for is executed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from fastness.checker.engine import failing
from fastness.checker.evidence.attacker import Spent, WritesOff
from fastness.checker.evidence.loaded import Loaded, NotLoaded, load
from fastness.checker.evidence.located import Located
from fastness.checker.evidence.merge import Sources, merge
from fastness.checker.evidence.model import Application
from fastness.checker.evidence.opening import attacker_of
from fastness.checker.evidence.process import Ended
from fastness.checker.evidence.project import Project
from fastness.checker.evidence.targets import Target, targets_of
from fastness.checker.finding import Finding, Place, Proof
from fastness.checker.outcome import Loading
from fastness.checker.rule import Rule
from fastness.checker.rules.itself.missing_routes import MissingRoutes
from fastness.checker.rules.itself.not_loaded import NotLoadedApplication


@dataclass(slots=True)
class Live:
    """What became of it."""

    applications: tuple[Application, ...]
    """The project's, with the loaded ones merged in."""
    loading: Loading = field(default_factory=Loading)
    findings: tuple[Finding, ...] = ()
    """Of the lens `attack`, and of the checker about itself."""
    notes: tuple[str, ...] = ()
    """What was not tried, and why."""


def live(
    project: Project,
    rules: Iterable[type[Rule]],
    *,
    targets: Iterable[str] = (),
    probe: bool = False,
    python: str = "",
    variables: Mapping[str, str] | None = None,
    seconds: float = 120,
    budget: int = 2_000,
    failed: list[str] | None = None,
) -> Live:
    """Load the applications, merge them into the route model and, with `probe`, attack each.

    Args:
        targets: `module:app` names, importable from the project's folder; every application of the source unless given.
        python: the interpreter; see `evidence.interpreter`.
        variables: for the environment of the applications.
        seconds: for loading one application. `budget`: requests to one application.
        failed: where rules that break are named, so that the others go on; without it the error is raised.
    """
    found, chosen = Live(tuple(project.applications)), tuple(rules)
    sources, texts, findings = Located(project), list[str](), list[Finding]()
    for ways, place in _wanted(project, list(targets)):
        loaded = _load(ways, project.root, python, seconds, variables or {})
        if isinstance(loaded, NotLoaded):
            findings.append(_not_loaded(loaded, place))
            texts.append(f"{loaded.target}: {loaded.reason}")
            continue
        with loaded:
            one, problem = _one(found, loaded, sources)
            findings += problem
            if probe:
                attack = _attack(loaded, one, chosen, budget=budget, gateway=project.intent.gateway, failed=failed)
                said, notes = asyncio.run(attack)
                findings += said
                found.notes = (*found.notes, *(f"{loaded.target}: {note}" for note in notes))
            texts.append(f"{loaded.target} on FastAPI {loaded.fastapi}, Python {loaded.python}")
    done = bool(texts) and not any(finding.rule == NotLoadedApplication.id for finding in findings)
    found.loading = Loading(asked=True, done=done, text="; ".join(texts) or "no application was found to load")
    found.findings = tuple(findings)
    return found


def _wanted(project: Project, targets: list[str]) -> Iterator[tuple[list[Target], Place]]:
    if targets:
        yield from (([Target(name)], _of_name(name, project)) for name in targets)
        return
    for application in project.applications:
        if application.parent is None:
            yield list(targets_of(application, project)), application.place


def _of_name(name: str, project: Project) -> Place:
    return next((a.place for a in project.applications if a.name == name), Place(name.partition(":")[0], 1))


def _load(
    ways: list[Target], root: Path, python: str, seconds: float, variables: Mapping[str, str]
) -> Loaded | NotLoaded:
    """The first way that works; the first reason where none does."""
    first: NotLoaded | None = None
    for way in ways:
        loaded = load(way.name, root=root, inside=way.inside, python=python, seconds=seconds, variables=variables)
        if isinstance(loaded, Loaded):
            return loaded
        first = first or loaded
        if loaded.kind not in {"no-module", "no-application"} and "relative import" not in loaded.reason:
            return loaded
    return first or NotLoaded("", "no application was found to load")


def _one(found: Live, loaded: Loaded, sources: Sources) -> tuple[Application, list[Finding]]:
    before = found.applications
    found.applications = merge(before, loaded, sources)
    changed = [a for a in found.applications if a.loaded and a not in before]
    one = next((a for a in changed if a.routes), changed[0])
    return one, list(MissingRoutes().of(one))


def _not_loaded(loaded: NotLoaded, place: Place) -> Finding:
    text = f"{loaded.target} was not loaded: {loaded.reason}"
    return NotLoadedApplication().found(loaded.place or place, text, subject=loaded.kind, proof=Proof("inspect", text))


async def _attack(
    loaded: Loaded,
    application: Application,
    rules: tuple[type[Rule], ...],
    *,
    budget: int,
    gateway: frozenset[str],
    failed: list[str] | None,
) -> tuple[list[Finding], list[str]]:
    findings, notes = list[Finding](), list[str]()
    try:
        attacker = await attacker_of(loaded, application, budget=budget, gateway=gateway)
    except (Ended, Spent) as error:
        reason = str(error) or "the budget is spent"
        return [_unattacked(loaded, application, reason)], [f"it was not attacked: {reason}"]
    notes = attacker.notes
    if attacker.silent:
        return [_unattacked(loaded, application, attacker.silent)], notes
    findings += _unstarted(loaded, application, attacker.unstarted)
    for kind in rules:
        if kind.attack is Rule.attack:
            continue
        try:
            async for finding in kind().attack(attacker):
                findings.append(_plain(finding, loaded))
        except WritesOff:
            continue  # the notes say already that only safe methods are sent
        except Spent:
            notes.append(f"the budget of {budget} requests is spent; {kind.id} and later rules did not attack")
            break
        except Ended as error:
            notes.append(f"{kind.id} ended the attack: {error}")
            break
        except Exception:
            with failing(kind, failed):
                raise
    return findings, notes


def _unstarted(loaded: Loaded, application: Application, reason: str) -> list[Finding]:
    """A server would have ended there: what answers now is not what will run, so the run must not end as clean."""
    return [_unattacked(loaded, application, f"its startup failed: {reason}", whole=False)] if reason else []


def _unattacked(loaded: Loaded, application: Application, reason: str, *, whole: bool = True) -> Finding:
    text = f"{loaded.target} was {'not attacked' if whole else 'attacked without being started'}: {reason}"
    subject = "silent" if whole else "unstarted"
    return NotLoadedApplication().found(application.place, text, subject=subject, proof=Proof("attack", text))


def _plain(finding: Finding, loaded: Loaded) -> Finding:
    """Without the names of the scratch folder, which differ in each run."""
    scratch = str(loaded.scratch.folder)
    proofs = tuple(
        replace(p, request=p.request.replace(scratch, "…"), answer=p.answer.replace(scratch, "…"))
        for p in finding.proofs
    )
    return replace(finding, proofs=proofs, message=finding.message.replace(scratch, "…"))
