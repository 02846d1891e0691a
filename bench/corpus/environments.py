"""A virtual environment for each application of the corpus, so that it can be loaded.

    python bench/corpus/environments.py CLONES ENVIRONMENTS

Each becomes `ENVIRONMENTS/<owner>+<name>`, made by uv with the Python and the packages of `environments.toml`; Python 3.8
and 3.13 must be where uv finds them. One that is there already is left alone; one that cannot be made is named and removed.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

NEEDS = Path(__file__).with_name("environments.toml")


def needs() -> dict[str, dict[str, Any]]:
    """Repository, as `owner+name` -> what it needs."""
    return {name.replace("/", "+"): need for name, need in tomllib.loads(NEEDS.read_text(encoding="utf-8")).items()}


def main() -> None:
    """Make what is missing."""
    clones, environments = map(Path, sys.argv[1:])
    environments.mkdir(parents=True, exist_ok=True)
    for name, need in needs().items():
        home = environments / name
        if "reason" in need or home.exists() or not (clones / name).is_dir():
            continue
        try:
            _uv("venv", "-q", "--python", need["python"], home)
            packages = [*_wanted(clones / name, need)]
            # A lock lists everything, and may hold two versions for two Pythons.
            alone = ["--no-deps"] if "lock" in need else []
            _uv("pip", "install", "-q", "--python", home / "bin" / "python", *alone, *packages)
        except subprocess.CalledProcessError as error:
            shutil.rmtree(home, ignore_errors=True)
            print(f"{name}: not made\n{error.stderr[-2000:]}")


def _wanted(clone: Path, need: Mapping[str, Any]) -> Iterator[str]:
    if "requirements" in need:
        yield from ("-r", str(clone / need["requirements"]))
    if "lock" in need:
        locked = tomllib.loads((clone / need["lock"]).read_text(encoding="utf-8"))["package"]
        instead: Mapping[str, str] = need.get("instead", {})
        yield from (f"{instead.get(p['name'], p['name'])}=={p['version']}" for p in locked if not p["optional"])
    yield from need.get("packages", ())


def _uv(*words: object) -> None:
    command = [str(Path(sys.executable).with_name("uv")), *map(str, words)]
    subprocess.run(command, check=True, capture_output=True, text=True)


if __name__ == "__main__":
    main()
