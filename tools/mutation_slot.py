"""Where changes run: copies of the repository, and processes that have its packages already.

First all changes that are in functions alone, in forks of a process that has collected the tests (mutants_live.py); then
the others, and again each that was not noticed so, in a fork that imports the changed copy anew.
"""

from __future__ import annotations

import gc
import os
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mutants import Mutant
from mutants_live import changed, exchange, living

ROOT = Path(__file__).resolve().parents[1]
PATIENCE = 20.0
"""Seconds that a run may take beyond four times its ordinary length."""
FORKED = "ignore:Module already imported so cannot be rewritten:pytest.PytestAssertRewriteWarning"


@dataclass
class Run:
    """One change, and what its tests made of it."""

    control: str
    file: Path
    source: bytes
    mutant: Mutant
    began: float = 0.0
    code: int | None = 0
    """Pytest's exit code; None when it took too long."""

    @property
    def noticed(self) -> bool:
        """Whether a test failed, the module could not be imported any more, or the run hung."""
        return self.code != 0

    @property
    def name(self) -> str:
        """What it is called in the page: without its line, which every other change moves."""
        return f"{self.file.relative_to(ROOT / 'src/fastness')}, {self.mutant}"

    def __str__(self) -> str:
        return f"{self.file.relative_to(ROOT / 'src/fastness')}:{self.mutant.line} {self.mutant}"


@dataclass
class Slot:
    """A copy of the repository, and the process that runs tests on it."""

    folder: Path
    run: Run | None = None
    pid: int = 0
    limit: float = 0.0

    def __post_init__(self) -> None:
        # With what is compiled already: the times of the files keep it valid.
        for name in ("src", "tests", "tools", "examples", "docs", "requirements"):
            shutil.copytree(ROOT / name, self.folder / name)
        for name in ("pyproject.toml", "README.md", "CHANGELOG.md"):
            shutil.copy2(ROOT / name, self.folder)

    def place(self, run: Run) -> Path:
        """The file of the copy."""
        return self.folder / run.file.relative_to(ROOT)

    def begin(self, run: Run, tests: list[str], limit: float) -> None:
        """Make the change in the copy and run the tests on it."""
        place = self.place(run)
        for compiled in place.parent.glob(f"__pycache__/{place.stem}.*"):
            compiled.unlink()
        place.write_bytes(run.mutant.applied(run.source))
        self.fork(run, lambda: self._pytest(tests), limit)

    def fork(self, run: Run, work: Callable[[], int], limit: float) -> None:
        """Do `work` in a fork, whose exit code is what it returns."""
        self.run, self.limit = run, limit
        run.began = time.monotonic()
        sys.stdout.flush()
        self.pid = os.fork()
        if self.pid:
            return
        code = 3
        try:
            os.setsid()
            out = os.open(self.folder / "said", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(out, 1)
            os.dup2(out, 2)
            code = work()
            sys.stdout.flush()
        except BaseException:
            traceback.print_exc()
            raise
        finally:
            sys.stderr.flush()
            os._exit(code)

    def end(self) -> Run | None:
        """The run, when it is over."""
        assert self.run is not None  # noqa: S101 - asked of a busy slot only
        pid, status = os.waitpid(self.pid, os.WNOHANG)
        if not pid and time.monotonic() - self.run.began <= self.limit:
            return None
        _end_group(self.pid)  # whatever the tests started ends with them
        if not pid:
            os.waitpid(self.pid, 0)
        run, self.run = self.run, None
        run.code = None if not pid or os.WIFSIGNALED(status) else os.waitstatus_to_exitcode(status)
        return run

    def mend(self, run: Run) -> None:
        """Take the change back."""
        self.place(run).write_bytes(run.source)

    def said(self) -> str:
        """What the tests wrote."""
        return (self.folder / "said").read_text(errors="replace")

    def live(self, runs: list[Run], tests: list[str], jobs: int) -> list[Run]:
        """Run the changes that are in functions alone on one collected set of tests; those that were noticed."""
        answer = self.folder / "noticed"
        nothing = Run("", ROOT / "src/fastness/__init__.py", b"", Mutant(0, "nothing", "", "", 0, 0))
        self.fork(nothing, lambda: self._pytest(tests, _Living(self.folder, runs, jobs, answer)), 36_000)
        while self.end() is None:
            time.sleep(0.05)
        if not answer.exists():
            raise SystemExit(f"the tests are red already, or broken:\n{self.said()[-3000:]}")
        codes = dict(line.split("\t") for line in answer.read_text().splitlines())
        answer.unlink()
        for number, code in codes.items():
            runs[int(number)].code = None if code == "None" else int(code)
        return [runs[int(number)] for number in codes if runs[int(number)].noticed]

    def _pytest(self, tests: list[str], *plugins: object) -> int:
        os.chdir(self.folder)
        sys.path.insert(0, str(self.folder / "src"))
        os.environ.update(PYTHONPATH=str(self.folder / "src"), PYTHONDONTWRITEBYTECODE="1")
        sys.dont_write_bytecode = True
        import pytest

        quiet = ["-q", "-x", "-n", "0", "-s", "-p", "no:cacheprovider", "-p", "no:canary", "--tb=no", "-W", FORKED]
        return int(pytest.main([*quiet, *tests], plugins=list(plugins)))


class _Living:
    """A plugin of pytest that runs the collected tests once for each change, in forks."""

    def __init__(self, folder: Path, runs: list[Run], jobs: int, answer: Path) -> None:
        self.folder, self.runs, self.answer = folder, runs, answer
        self.jobs = jobs

    def pytest_runtestloop(self, session: Any) -> bool:
        """In the place of pytest's own loop."""
        nothing = Run("", ROOT, b"", Mutant(0, "nothing", "", "", 0, 0))
        slots = [self._slot(number) for number in range(self.jobs)]
        self._functions = living(str(self.folder / "src"))
        gc.freeze()  # a fork that collects garbage would copy all memory
        slots[0].fork(nothing, lambda: _loop(session), 600)
        while slots[0].end() is None:
            time.sleep(0.01)
        if nothing.code != 0:
            raise SystemExit(f"the tests are red already:\n{slots[0].said()[-2000:]}")
        limit = PATIENCE + 4 * (time.monotonic() - nothing.began)
        waiting = [(number, run) for number, run in enumerate(self.runs) if self._codes(run) is not None]
        waiting.reverse()
        busy: dict[int, int] = {}
        with self.answer.open("w") as answer:
            while waiting or busy:
                for at, slot in enumerate(slots):
                    if at in busy and (over := slot.end()) is not None:
                        answer.write(f"{busy.pop(at)}\t{over.code}\n")
                    if at not in busy and waiting:
                        number, run = waiting.pop()
                        busy[at] = number
                        slot.fork(run, lambda run=run: self._changed(session, run), limit)  # type: ignore[misc]
                time.sleep(0.005)
        return True

    def _slot(self, number: int) -> Slot:
        slot = object.__new__(Slot)  # no copy of its own: nothing is written
        slot.folder, slot.run, slot.pid, slot.limit = self.folder / f"living-{number}", None, 0, 0.0
        slot.folder.mkdir(exist_ok=True)
        return slot

    def _file(self, run: Run) -> str:
        return str(self.folder / run.file.relative_to(ROOT))

    def _codes(self, run: Run) -> Any:
        return changed(run.source, run.mutant.applied(run.source), self._file(run))

    def _changed(self, session: Any, run: Run) -> int:
        exchange(self._codes(run), self._file(run), self._functions)
        return _loop(session)


def _loop(session: Any) -> int:
    from _pytest.main import Session, pytest_runtestloop

    try:
        pytest_runtestloop(session)
    except Session.Failed:
        return 1
    return 1 if session.testsfailed else 0


def _end_group(pid: int) -> None:
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
