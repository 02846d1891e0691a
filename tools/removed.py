"""Remove each defence in turn and expect the test of its published flaw to be red.

    python tools/removed.py                 every test in tests/proof/advisories, some minutes
    python tools/removed.py NAME [NAME...]  those whose name holds one of the words

The defence is removed by a text substitution in a copy of the package, so nothing of the working tree changes, and the
substitution reaches servers that a test starts. Exit code 1 when a test stays green, fails in another way than by an
assertion or an exception of the test itself, or has no removal.
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

from proof.advisories.advisory import Removal, Test, every  # noqa: E402 - the tests are no installed package

KEPT = ("pyproject.toml", "requirements", "src")
WHY = re.compile(r"(?m)^FAILED \S+(?: - (.*))?$")
BROKEN = ("NameError", "ImportError", "ModuleNotFoundError", "SyntaxError", "AttributeError", "IndentationError")
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
        changed = removal.applied(copy)
        (copy / removal.file).write_text(changed, encoding="utf-8")
        for compiled in (copy / removal.file).parent.glob(f"__pycache__/{Path(removal.file).stem}.*"):
            compiled.unlink()


def run(test: Test, copy: Path) -> tuple[int, str]:
    """Pytest's exit code and words for one test against the copy."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(copy / "src"),
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


def verdict(test: Test) -> tuple[bool, str]:
    """Whether the test went red when the defence was removed, as it must, and why; or what happened instead."""
    if test.advisory is None or not test.advisory.without:
        return False, "has no removal"
    with tempfile.TemporaryDirectory(prefix="fastness-removed-") as scratch:
        copy = copied(ROOT, Path(scratch).resolve())
        try:
            remove(copy, test.advisory.without)
        except ValueError as error:
            return False, str(error)
        code, said = run(test, copy)
    if code == 0:
        return False, "stays green without its defence"
    why = next((found[1] or "" for found in WHY.finditer(said)), None)
    if code != 1 or why is None or re.search(r"\b\d+ errors?\b", said) is not None or why.startswith(BROKEN):
        return False, f"does not fail but breaks:\n{said[-2000:]}"
    return True, why


def main(words: Sequence[str]) -> int:
    """Report each test; 0 when every one went red."""
    chosen = [test for test in every() if not words or any(word in test.id for word in words)]
    bad = 0

    def judged(test: Test) -> tuple[tuple[bool, str], float]:
        began = time.monotonic()
        return verdict(test), time.monotonic() - began

    with ThreadPoolExecutor(max_workers=2) as pool:
        for test, ((red, why), took) in zip(chosen, pool.map(judged, chosen), strict=True):
            bad += not red
            print(f"{'red as it must be' if red else 'NOT PROVEN':18} {took:5.1f} s  {test.name}: {why}")
    print(f"{len(chosen) - bad} of {len(chosen)} tests fail when their defence is removed")
    return 1 if bad or not chosen else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
