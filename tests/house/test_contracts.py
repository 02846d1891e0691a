"""Imports point down, and a machine says so."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_import_contract_is_kept() -> None:
    done = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stdout + done.stderr


def test_every_module_at_the_top_stands_in_the_layers() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (layers,) = (contract["layers"] for contract in contracts if contract["name"] == "Imports point down")
    placed = {module.strip() for layer in layers for module in layer.replace(":", "|").split("|")}
    package = ROOT / "src" / "fastness"
    there = {f"fastness.{path.stem}" for path in package.glob("*.py") if not path.stem.startswith("_")}
    there |= {f"fastness.{path.parent.name}" for path in package.glob("*/__init__.py")}

    assert not there - {name.strip("() ") for name in placed}, "say in pyproject.toml where it stands"
