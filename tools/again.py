"""Run pytest; ask the few tests that failed once more, alone, and say so.

    python tools/again.py ARGUMENTS-OF-PYTEST
    python tools/again.py --after .pytest_cache     only the second half, when pytest has run already

Tests that start servers, kill them and cut their connections share two cores with thousands of others in CI. One that
fails beside them and passes alone does not stop a change; it is named in the log, for somebody to repair. Five such tests are
the most: more are no accident. Ends with 0 when every test has passed.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MOST = 5
FAILED = 1
"""What pytest ends with when tests failed; everything else is no failed test, a secret in a log among it (tests/canary.py)."""


def run(arguments: list[str], *, environment: dict[str, str] | None = None) -> int:
    """Run pytest with these arguments in the repository, and once more what failed; the exit code."""
    with tempfile.TemporaryDirectory() as cache:
        code = _pytest(["-o", f"cache_dir={cache}", *arguments], environment)
        return alone(Path(cache), arguments, environment=environment) if code == FAILED else code


def alone(cache: Path, arguments: list[str], *, environment: dict[str, str] | None = None) -> int:
    """Run what failed last, according to pytest's cache, one after the other; the exit code."""
    try:
        failed = sorted(json.loads((cache / "v/cache/lastfailed").read_text()))
    except (OSError, ValueError):
        return FAILED
    if not 0 < len(failed) <= MOST:
        return FAILED
    print("\nonce more, alone:", *failed, sep="\n  ", flush=True)
    code = _pytest(["-o", f"cache_dir={cache.resolve()}", *arguments, "-n", "0", "--last-failed"], environment)
    print("\nFAILED TWICE" if code else "\nPASSED ALONE ONLY, to be repaired:", *failed, sep="\n  ", flush=True)
    return code


def _pytest(arguments: list[str], environment: dict[str, str] | None) -> int:
    command = [sys.executable, "-m", "pytest", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode  # noqa: S603 - our own arguments


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["--after", cache, *rest]:
            raise SystemExit(alone(Path(cache), rest))
        case rest:
            raise SystemExit(run(rest))
