"""The loaded application: started in its own interpreter under the agent's guard, described once, asked by attacks."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from fastness.checker.evidence.interpreter import interpreter_of
from fastness.checker.evidence.invented import database_names, invent, secret_names, throwaway
from fastness.checker.evidence.process import Ended, Process
from fastness.checker.evidence.scratch import Scratch, TooLarge
from fastness.checker.finding import Place

_ATTEMPTS = 12
"""How often an application may ask for one more environment variable."""
_LARGEST_SOURCE = 1_000_000


@dataclass(frozen=True, slots=True)
class NotLoaded:
    """Why there is no loaded application; `reason` completes "the application was not loaded: "."""

    target: str
    reason: str
    kind: str = "import"
    place: Place | None = None
    """The line of the application that failed."""
    interpreter: str = ""


@dataclass(slots=True)
class Loaded:
    """A running application. `close` ends it and deletes its scratch folder."""

    target: str
    interpreter: str
    python: str
    fastapi: str
    description: dict[str, Any]
    """What the agent says: `routes`, `apps`, `fastness`."""
    scratch: Scratch = field(repr=False)
    process: Process = field(repr=False)
    inside: str = ""
    """The folder that its server would be started in."""
    invented: tuple[str, ...] = ()
    """Names of environment variables that were made up."""
    refused: tuple[str, ...] = ()
    """What the guard stopped while the application was imported."""
    values: tuple[str, ...] = field(default=(), repr=False)
    """Their values: one of them may be the key that signs tokens."""
    offline: bool = False
    """Whether it runs without any network, native drivers included."""
    alive: bool = True

    def ask(self, command: Mapping[str, Any], *, seconds: float = 30) -> dict[str, Any]:
        """One command to the agent.

        Raises:
            Ended: it is gone. It is not started again.
        """
        if not self.alive:
            raise Ended("the application was ended")
        try:
            return self.process.ask(command, seconds=seconds)
        except Ended:
            self.alive = False
            raise

    def place(self, described: Mapping[str, Any]) -> Place | None:
        """Where something described was written, relative to the checked folder; None for library code."""
        file = str(described.get("file", ""))
        path = self.scratch.relative(file) if file and not file.startswith("<") else None
        line = int(described.get("line") or 1)
        return None if path is None else Place(path, line, int(described.get("end_line") or line))

    def close(self) -> None:
        """End the process and delete the scratch folder."""
        self.alive = False
        self.process.end()
        self.scratch.remove()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def load(
    target: str,
    *,
    root: Path,
    inside: str = "",
    python: str = "",
    seconds: float = 120,
    megabytes: int = 4096,
    variables: Mapping[str, str] | None = None,
) -> Loaded | NotLoaded:
    """Import `module:name` from a copy of `root` and describe what is there. This runs the application's code.

    It runs in `python` (default: the active virtual environment, the target's own, ours) with invented environment
    variables. A variable that it asks for in vain is invented too, and the import is tried again.

    Args:
        target: `package.module:app`; without a name the module is searched; a factory is called.
        inside: the folder of `root` where its server would be started, `backend`; modules are found from there.
        seconds: for everything together. `megabytes`: address space.
        variables: values for the environment; nothing of the caller's own environment is passed on.
    """
    module, _, attribute = target.partition(":")
    try:
        scratch = Scratch.of(root)
    except (TooLarge, OSError) as error:
        return NotLoaded(target, str(error), "folder")
    attempt = _Attempt(
        target, module, attribute, scratch, interpreter_of(root / inside, python=python), megabytes, inside
    )
    try:
        found = attempt.run(dict(variables or {}), time.monotonic() + seconds)
    except BaseException:
        scratch.remove()
        raise
    if isinstance(found, NotLoaded):
        scratch.remove()
    return found


@dataclass(frozen=True, slots=True)
class _Attempt:
    target: str
    module: str
    attribute: str
    scratch: Scratch
    interpreter: str
    megabytes: int
    inside: str = ""

    def run(self, variables: dict[str, str], deadline: float) -> Loaded | NotLoaded:
        given, withdrawn, reason = dict(variables), set[str](), None
        database, made_up = self._first()
        variables = made_up | variables
        left = _ATTEMPTS
        while True:
            left -= 1
            answer = self._once(variables, deadline - time.monotonic())
            if isinstance(answer, Loaded):
                later = self._later(answer, database)
                if later and left and not later.keys() & variables.keys():
                    answer.process.end()
                    variables |= later
                    continue
                answer.invented = tuple(sorted(variables.keys() - given.keys()))
                answer.values = tuple(variables.values())
                return answer
            failed = answer[0]
            if reason is not None:
                return reason
            if left and self.scratch.emptied(failed.reason):
                continue
            after = _after(variables, given, withdrawn, answer, database) if left else None
            if after is None:
                if failed.kind != "import" or not left or variables == given:
                    return failed
                # A made-up value can be refused without being named: once more with none.
                reason, after = failed, dict(given)
            variables = after

    def _later(self, loaded: Loaded, database: str) -> dict[str, str]:
        """Variables that an application misses only when it serves."""
        found = dict(invent(each, database=database) for each in loaded.description["unset"])
        if "accounts" in (loaded.description["fastness"] or {}).get("on", ()):
            # Fastness refuses a setting that it does not know, so its mailer is named where there is one alone.
            found |= {"FASTNESS_MAIL__BACKEND": "file", "FASTNESS_MAIL__FOLDER": str(self.scratch.folder / "mail")}
        return found

    def _once(self, variables: dict[str, str], seconds: float) -> Loaded | tuple[NotLoaded, list[Any]]:
        tree = self.scratch.tree / self.inside
        order = {
            "scratch": str(self.scratch.folder), "root": str(tree), "module": self.module,
            "attribute": self.attribute, "megabytes": self.megabytes,
            "cpu_seconds": int(max(10, seconds * 10)),
            "path": [str(tree), *([str(tree / "src")] if (tree / "src").is_dir() else [])],
        }  # fmt: skip
        try:
            process = Process.start(self.interpreter, scratch=self.scratch.folder, variables=variables)
        except Ended as error:
            return NotLoaded(self.target, str(error), "interpreter", interpreter=self.interpreter), []
        try:
            said = process.ask(order, seconds=max(1, seconds))
        except Ended as error:
            process.end()
            return NotLoaded(self.target, str(error), "ended", interpreter=self.interpreter), []
        if "loaded" in said:
            return Loaded(
                self.target,
                self.interpreter,
                said["python"],
                said["fastapi"],
                said["loaded"],
                self.scratch,
                process,
                self.inside,
                refused=tuple(said["refused"]),
                offline=bool(said.get("offline")),
            )
        process.end()
        return self._failure(said), said.get("failed", {}).get("variables") or []

    def _failure(self, said: dict[str, Any]) -> NotLoaded:
        failed = said.get("failed", {"kind": "import", "text": "it gave no reason"})
        text = str(failed["text"]).replace(str(self.scratch.tree) + "/", "")
        # A syntax error comes with the line and a caret below it.
        reason = text.splitlines()[-1] if failed["kind"] == "syntax" else " ".join(text.split())
        refused = [each for each in said.get("refused") or () if each not in reason]
        if refused:
            reason += f" (the guard refused: {', '.join(refused[:3])})"
        if failed["kind"] == "no-module":
            reason += f" in {self.interpreter}; name another interpreter with --python"
        elif reason.endswith(f"No module named '{(package := self.module.partition('.')[0])}'"):
            reason += f"; modules are looked for in the folder that is checked: give the one in which {package} lies"
        elif failed["kind"] == "syntax":
            reason += f" (Python {said.get('python')}; name a newer interpreter with --python)"
        path = self.scratch.relative(failed["file"]) if failed.get("file") else None
        place = Place(path, int(failed["line"]) or 1) if path else None
        return NotLoaded(self.target, reason, str(failed["kind"]), place, self.interpreter)

    def _first(self) -> tuple[str, dict[str, str]]:
        """The address of a throw-away database, and the variables that are set before they are asked for."""
        texts = [
            path.read_text("utf-8", "replace")
            for path in self.scratch.tree.rglob("*.py")
            if path.stat().st_size < _LARGEST_SOURCE
        ]
        asynchronous = any("create_async_engine" in text or "AsyncEngine" in text for text in texts)
        # An application under Fastness reads it without naming it.
        names = database_names(texts) | ({"DATABASE_URL"} if any("fastness" in text for text in texts) else set())
        database = throwaway(self.scratch.folder, asynchronous=asynchronous)
        secrets = dict(invent(name, database=database) for name in secret_names(texts))
        return database, secrets | dict.fromkeys(names, database)


def _after(
    variables: Mapping[str, str],
    given: Mapping[str, str],
    withdrawn: set[str],
    answer: tuple[NotLoaded, list[Any]],
    database: str,
) -> dict[str, str] | None:
    """The variables of the next attempt; None when this failure leaves nothing to try.

    A made-up value that the application complains of is withdrawn: it can do without, or it would have asked for it.
    """
    reason, wanted = answer[0].reason, answer[1]
    made = dict(invent(each, database=database) for each in wanted)
    # What a settings class refuses is invented anew; a name that was only asked for has its value by now.
    if all(isinstance(each, str) for each in wanted):
        said = {n for n, value in variables.items() if _names(reason, n) or _names(reason, value)}
        withdrawn |= said - given.keys()
        made = {name: value for name, value in made.items() if name not in {*variables, *withdrawn}}
    after = {name: value for name, value in variables.items() if name not in withdrawn} | made
    return None if given.keys() & made.keys() or after == dict(variables) else after


def _names(reason: str, word: str) -> bool:
    """Whether `word` stands in `reason` by itself: a made-up `30` is also inside of every hundredth made-up key."""
    return bool(word) and re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", reason) is not None
