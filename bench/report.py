"""What every measurement says about itself: machine, versions, one table, one JSON file."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent
_PACKAGES = (
    "fastness", "fastapi", "starlette", "pydantic", "uvicorn", "uvloop", "httptools", "joserfc", "cryptography",
    "argon2-cffi", "sqlalchemy", "aiosqlite",
)  # fmt: skip


def context() -> dict[str, Any]:
    """Where and when this is measured."""
    return {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)),
        "load": os.getloadavg()[0],
        "commit": _commit(),
        "versions": {name: _version(name) for name in _PACKAGES},
    }


def introduce(found: dict[str, Any]) -> None:
    """Print the context, in two lines."""
    versions = ", ".join(f"{name} {number}" for name, number in found["versions"].items() if number)
    print(
        f"{found['when']}  {found['python']}  {found['system']}  {found['processor']}, {found['cores']} cores, "
        f"load average {found['load']:.1f}"
    )
    print(f"{found['commit']}  {versions}\n", flush=True)


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a Markdown table; every column but the first is right-aligned."""
    widths = [max(len(cell) for cell in column) for column in zip(heads, *rows, strict=True)]

    def line(cells: Sequence[str]) -> str:
        padded = [
            cell.ljust(width) if position == 0 else cell.rjust(width)
            for position, (cell, width) in enumerate(zip(cells, widths, strict=True))
        ]
        return f"| {' | '.join(padded)} |"

    rule = ["-" * width if position == 0 else "-" * (width - 1) + ":" for position, width in enumerate(widths)]
    print("\n".join(["", line(heads), line(rule), *(line(row) for row in rows), ""]), flush=True)


def save(name: str, found: dict[str, Any], figures: Any) -> None:
    """Write everything measured to `bench/results/<name>-<time>.json`."""
    folder = ROOT / "results"
    folder.mkdir(exist_ok=True)
    stamp = found["when"].replace(":", "").replace("+0000", "Z")
    file = folder / f"{name}-{stamp}.json"
    file.write_text(json.dumps({"context": found, "figures": figures}, indent=1) + "\n")
    print(f"written to {file.relative_to(ROOT.parent)}")


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _commit() -> str:
    told = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return f"commit {told.stdout.strip()}" if told.returncode == 0 else "no commit"


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "unknown processor")
