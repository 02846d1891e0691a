"""Remove each defence in turn and expect the test of its published flaw to be red.

    python tools/removed.py                 every test in tests/proof/advisories, some minutes
    python tools/removed.py NAME [NAME...]  those whose name holds one of the words

The defence is removed by a text substitution in a copy of the package, or of a library that it stands on, so nothing of
the working tree changes, and the substitution reaches servers that a test starts. Exit code 1 when a test stays green,
has no removal, or is red because the removal broke the code: it raised what BROKEN names, or the application raised
anything that nobody handles and the advisory does not name as the flaw itself.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from proof.advisories.advisory import LIBRARIES, Advisory, Removal, Test, every  # noqa: E402 - the tests are no installed package

KEPT = ("pyproject.toml", "requirements", "src")
WHY = re.compile(r"(?m)^FAILED \S+(?: - (.*))?$")
BROKEN = (
    "NameError", "UnboundLocalError", "ImportError", "ModuleNotFoundError", "SyntaxError", "IndentationError",
    "AttributeError", "TypeError",
)  # fmt: skip
"""What a removal raises that broke the code instead of taking its defence away."""


def copied(root: Path, folder: Path) -> Path:
    """A copy of what tests read of the repository: package, requirements and settings of the project."""
    for name in KEPT:
        source = root / name
        if source.is_dir():
            shutil.copytree(source, folder / name)
        else:
            shutil.copy2(source, folder / name)
    return folder


def remove(copy: Path, removals: Sequence[Removal]) -> None:
    """Change the copy.

    Raises:
        ValueError: when a text does not stand where it should.
    """
    for removal in removals:
        if removal.original(copy) != copy / removal.file:
            _, package, *_ = Path(removal.file).parts
            if not (copy / "site" / package).exists():
                shutil.copytree(LIBRARIES / package, copy / "site" / package)
        changed = removal.applied(copy)
        (copy / removal.file).write_text(changed, encoding="utf-8")
        for compiled in (copy / removal.file).parent.glob(f"__pycache__/{Path(removal.file).stem}.*"):
            compiled.unlink()


def run(test: Test, copy: Path) -> tuple[int, str]:
    """Pytest's exit code and words for one test against the copy."""
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(copy / "src"), str(copy / "site")]),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PROOF_COPY": str(copy),
        "COLUMNS": "400",  # or the summary leaves out why
    }
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-n", "0", "-p", "no:cacheprovider", "--tb=line"]
    done = subprocess.run(  # noqa: S603 - our own interpreter and test
        [*command, f"{test.file}::{test.name}"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    return done.returncode, done.stdout + done.stderr


def verdict(test: Test, found: Advisory, removals: Sequence[Removal]) -> tuple[bool, str]:
    """Whether the test went red when the defence was removed, as it must, and why; or what happened instead."""
    with tempfile.TemporaryDirectory(prefix="fastness-removed-") as scratch:
        copy = copied(ROOT, Path(scratch).resolve())
        try:
            remove(copy, removals)
        except ValueError as error:
            return False, str(error)
        code, said = run(test, copy)
        crashes = set((copy / "crashes").read_text("utf-8").split()) if (copy / "crashes").exists() else set[str]()
    if code == 0:
        return False, "stays green without its defence"
    why = next((found[1] or "" for found in WHY.finditer(said)), None)
    if code != 1 or why is None or re.search(r"\b\d+ errors?\b", said) is not None or why.startswith(BROKEN):
        return False, f"does not fail but breaks:\n{said[-2000:]}"
    if crashes - found.crashes:
        return False, f"the application breaks, with {', '.join(sorted(crashes - found.crashes))}: {why}"
    return True, why


def main(words: Sequence[str]) -> int:
    """Report each defence of each test; 0 when every test went red without every one of its own."""
    chosen = [test for test in every() if not words or any(word in test.id for word in words)]
    trials = [(test, without) for test in chosen for without in (test.advisory.removals if test.advisory else ((),))]
    bad = set[str]()

    def judged(trial: tuple[Test, Sequence[Removal]]) -> tuple[tuple[bool, str], float]:
        began = time.monotonic()
        test, without = trial
        found = verdict(test, test.advisory, without) if test.advisory and without else (False, "has no removal")
        return found, time.monotonic() - began

    with ThreadPoolExecutor(max_workers=2) as pool:
        for (test, _), ((red, why), took) in zip(trials, pool.map(judged, trials), strict=True):
            bad |= set() if red else {test.id}
            print(f"{'red as it must be' if red else 'NOT PROVEN':18} {took:5.1f} s  {test.name}: {why}", flush=True)
    print(f"{len(chosen) - len(bad)} of {len(chosen)} tests fail when their defence is removed, {len(trials)} removals")
    return 1 if bad or not chosen else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
