"""Write `requirements/dev.txt` and `requirements/run.txt` from pyproject.toml: exact versions, hashes, no host names.

    python tools/export_requirements.py                        keep every pin that still fits
    python tools/export_requirements.py --upgrade              newest of everything
    python tools/export_requirements.py --upgrade-package NAME newest of one package

`dev.txt` holds everything; `run.txt` what the account service needs, and what builds it. Both come from one resolution
in a scratch folder, so a package has one version in both, and no `uv.lock` (which names hosts) is left behind.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "requirements"
EXPORT = ["export", "-q", "--no-header", "--no-emit-project", "--no-annotate"]
FILES = {
    "dev.txt": ["--group", "dev", "--all-extras"],
    "run.txt": [
        "--no-dev",
        "--group",
        "build",
        "--extra",
        "service",
        "--extra",
        "postgres",
        "--extra",
        "redis",
        "--extra",
        "metrics",
    ],
}


def kept_pins(*, but: set[str]) -> list[str]:
    """The pins of today's `dev.txt`, markers included, without the packages named in `but`."""
    lines = (FOLDER / "dev.txt").read_text(encoding="utf-8").splitlines()
    pins = [line.removesuffix("\\").strip() for line in lines if re.match(r"[a-z0-9].*==", line)]
    return [pin for pin in pins if pin.partition("==")[0] not in but]


def main() -> int:
    """Resolve once, export twice."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--upgrade", action="store_true")
    parser.add_argument("--upgrade-package", action="append", default=[], metavar="NAME")
    asked = parser.parse_args()
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if uv is None:
        print("uv is not installed: pip install uv", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        shutil.copytree(ROOT / "src", scratch / "src", ignore=shutil.ignore_patterns("__pycache__"))
        for name in ("README.md", "LICENSE"):
            shutil.copy(ROOT / name, scratch / name)
        project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
        if not asked.upgrade:
            project += f"\n[tool.uv]\nconstraint-dependencies = {kept_pins(but=set(asked.upgrade_package))!r}\n"
        (scratch / "pyproject.toml").write_text(project, encoding="utf-8")
        for name, selection in FILES.items():
            # UV_NO_CONFIG: the result must not depend on the settings of the machine that makes it.
            done = subprocess.run(  # noqa: S603 - our own arguments
                [uv, *EXPORT, *selection],
                cwd=scratch, env={**os.environ, "UV_NO_CONFIG": "1"}, stdout=subprocess.PIPE, text=True, check=False,
            )  # fmt: skip
            if done.returncode:
                return done.returncode
            (FOLDER / name).write_text(done.stdout, encoding="utf-8")
            print(f"requirements/{name}: {len(re.findall('(?m)^[a-z0-9].*==', done.stdout))} packages")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
