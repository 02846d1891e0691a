"""What the matrix runs once is the same in every cell."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tools"))

from matrix import ALIKE  # noqa: E402 - a command, no package

APART = ("cells", "accounts", "journeys", "proof.f", "stores", "fresh_database", "postgres_server", "redis_server")
"""Modules of the tests that know of stores and workers."""


@pytest.mark.parametrize("folder", ALIKE)
def test_what_the_matrix_runs_once_meets_no_store_and_no_worker(folder: str) -> None:
    met = {
        f"{path.name}: {name}"
        for path in (ROOT / "tests" / folder).glob("**/test_*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        for name in (
            [alias.name for alias in node.names] if isinstance(node, ast.Import)
            else [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        )
        if name.startswith(APART)
    }  # fmt: skip

    assert not met
