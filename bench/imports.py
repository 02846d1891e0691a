"""CPU of importing Fastness and each control alone, against `import fastapi`."""

from __future__ import annotations

import argparse
import importlib.util
import json
import pkgutil
import statistics
import subprocess
import sys
from pathlib import Path

# This folder's names (requests) would hide other people's modules.
sys.path.pop(0)
sys.path.insert(0, str(Path(__file__).parent.parent))

from bench import report

_USED = (
    "import resource, sys; used = resource.getrusage(resource.RUSAGE_SELF); "
    "print([used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, len(sys.modules)])"
)
_PYTHON, _FASTAPI = "pass", "import fastapi"


def cases() -> list[str]:
    """Every statement to measure."""
    spec = importlib.util.find_spec("fastness.controls")
    if spec is None or spec.submodule_search_locations is None:
        raise SystemExit("fastness is not installed here")
    names = sorted(found.name for found in pkgutil.iter_modules(spec.submodule_search_locations))
    alone = [f"import fastness.controls.{name}" for name in names]
    return [
        _PYTHON, _FASTAPI, "import fastness", *alone, "from fastness import secure", "import fastness.accounts.app",
    ]  # fmt: skip


def measure(statement: str) -> tuple[float, float, int]:
    """CPU in milliseconds, peak memory in MiB and loaded modules of a fresh interpreter."""
    command = [sys.executable, "-c", f"{statement}\n{_USED}"]
    told = subprocess.run(command, capture_output=True, text=True, check=True, cwd=report.ROOT.parent)
    cpu, memory, modules = json.loads(told.stdout)
    return cpu * 1e3, memory, modules


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="3 rounds")
    parser.add_argument("--rounds", type=int, default=9)
    chosen = parser.parse_args()
    rounds = 3 if chosen.quick else chosen.rounds
    context = report.context()
    report.introduce(context)
    statements = cases()
    for statement in statements:  # compiled and in the page cache
        measure(statement)
    runs: dict[str, list[tuple[float, float, int]]] = {statement: [] for statement in statements}
    for _ in range(rounds):
        for statement in statements:
            runs[statement].append(measure(statement))
    base = [cpu for cpu, _, _ in runs[_FASTAPI]]
    rows = []
    for statement, found in runs.items():
        cpus = [cpu for cpu, _, _ in found]
        ratio = statistics.median(cpu / other for cpu, other in zip(cpus, base, strict=True))
        rows.append(
            [
                f"`{statement}`" if statement != _PYTHON else "python itself",
                f"{ratio:.2f}",
                f"{statistics.median(cpus):.0f}",
                f"{statistics.median(memory for _, memory, _ in found):.0f}",
                str(found[0][2]),
            ]
        )
    print(f"whole process, page cache warm, median of {rounds} interleaved rounds; ratio to `import fastapi`")
    report.table(("statement", "CPU ratio", "CPU ms", "RSS MiB", "modules"), rows)
    report.save("imports", context, {"rounds": rounds, "runs": runs})


if __name__ == "__main__":
    main()
