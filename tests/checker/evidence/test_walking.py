"""Nodes are walked in the order of `ast.walk`."""

from __future__ import annotations

import ast
from pathlib import Path

from fastness.checker.evidence.walking import walk

SOURCES = sorted(Path(__file__).parents[3].joinpath("src", "fastness", "checker", "evidence").glob("*.py"))


def test_a_walk_gives_every_node_but_the_marks_of_loading_and_storing_in_the_order_of_the_standard_library() -> None:
    for file in SOURCES[::8]:
        tree = ast.parse(file.read_text(encoding="utf-8"))

        expected = [node for node in ast.walk(tree) if not isinstance(node, ast.expr_context)]

        assert list(walk(tree)) == expected
