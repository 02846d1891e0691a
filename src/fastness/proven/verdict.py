"""What each control showed."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from fastness.proven import browser, questions
from fastness.proven.driver import Visitor, alive
from fastness.proven.probe import put

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fastness.chain import Secured


class State(StrEnum):
    """How a control did."""

    WORKS = "works"
    OBSERVES = "observes"
    FAILS = "FAILS"
    OFF = "off"
    NOT_TRIED = "not tried"


@dataclass(frozen=True, slots=True)
class Verdict:
    """One control, and what was seen."""

    control: str
    state: State
    seen: str


_QUESTIONS: dict[str, Callable[[questions.Scene], Awaitable[str]]] = {
    "headers": questions.headers,
    "request_id": questions.request_id,
    "hosts": questions.hosts,
    "oddities": questions.oddities,
    "cors": questions.cors,
    "problems": questions.problems,
    "body": questions.body,
    "limits": questions.limits,
    "access": questions.access,
    "tokens": questions.tokens,
    "apikeys": browser.apikeys,
    "cookies": browser.cookies,
    "csrf": browser.csrf,
    "websockets": browser.websockets,
    "docs": browser.docs,
    "proxies": questions.proxies,
    "deny by default": questions.deny_by_default,
    "security_events": questions.security_events,
}


_ALWAYS = frozenset({"access", "deny by default"})
"""What no setting turns on."""


async def prove(app: Any, *, host: str | None = None) -> list[Verdict]:
    """Start a secured application, drive it, stop it, and say for each control what was seen.

    Routes of our own are put in front of the application's, whose handlers do not run, except that each of its
    protected GET routes without a parameter is asked once without credentials. Its lifespan runs as at every start.

    Args:
        host: the Host of the requests; found in the settings unless given.

    Raises:
        ValueError: `secure(app)` was not called.
        NotStarted: the application did not start; the text says why.
    """
    secured: Secured | None = getattr(getattr(app, "state", None), "fastness", None)
    if secured is None:
        raise ValueError("secure(app) was not called on this application")
    on = {name.partition(" ")[0] for name in secured.on}
    off = {name for name in secured.off if name in _QUESTIONS}
    own = [rule for rule in secured.gate.current().all if rule.access == "required"]
    path = put(app, callers=secured.tokens is not None or "tokens" not in secured.on)
    with _listening() as heard:
        async with alive(app):
            visitor = Visitor(app, host=host or questions.known_host(secured))
            scene = questions.Scene(app, secured, visitor, path, own, heard)
            asked = {name: ask for name, ask in _QUESTIONS.items() if name in on or name in _ALWAYS or name in off}
            found = [await _judged(name, ask, scene) for name, ask in asked.items()]
    tried = {verdict.control for verdict in found}
    rest = [name for name in secured.on if name.partition(" ")[0] not in tried]
    return [*found, *(Verdict(name, State.NOT_TRIED, "on; nothing here shows it") for name in rest)]


async def _judged(name: str, ask: Callable[[questions.Scene], Awaitable[str]], scene: questions.Scene) -> Verdict:
    if name in scene.secured.off:
        return Verdict(name, State.OFF, "turned off")
    try:
        seen = await ask(scene)
    except questions.Wrong as wrong:
        return Verdict(name, State.FAILS, str(wrong))
    except questions.Untried as untried:
        return Verdict(name, State.NOT_TRIED, str(untried))
    observed = {"deny by default": "undeclared routes"}.get(name, name) in scene.secured.observing
    return Verdict(name, State.OBSERVES if observed else State.WORKS, seen)


class _Collector(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.name == "fastness.events":
            self.lines.append(self.format(record))


@contextmanager
def _listening() -> Iterator[list[str]]:
    """The lines of the security log. Nothing is written meanwhile: a crash that was asked for is no news."""
    log, collector = logging.getLogger("fastness"), _Collector()
    before = (log.handlers, log.level, log.propagate)
    log.handlers, log.propagate = [collector], False
    log.setLevel(logging.INFO)
    try:
        yield collector.lines
    finally:
        log.handlers, log.propagate = before[0], before[2]
        log.setLevel(before[1])
