"""Expressions are written as `ast.unparse` writes them."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from fastness.checker.evidence.written import written

SOURCES = sorted(Path(__file__).parents[3].joinpath("src", "fastness", "checker", "evidence").glob("*.py"))


@pytest.mark.parametrize(
    "text",
    [
        "a", "a.b.c", "a().b", "a[0].b", "(1).real", "'x'.join(y)", "u'x'", "b'x'", "1.5", "1e400", "...", "None",
        "f(1, *a, **b)", "f(x, y=2)", "f((a, b))", "f((yield))", "f((x := 1))", "f(lambda: 1)",
        "f(i for i in a)", "f(g(h)(1))", "a[b]", "a['b']", "a[1, 2]", "a[1:2]", "a[-1]", "(a + b).c", "(a + b)(c)",
        "(await a).b", "f'{a}'.b", "f(f'{a!r:>{b}}')", "'a\\n\\'b\"'", "f(not a, key=a if b else c)", "a[b](c)[d].e",
    ],
)  # fmt: skip
def test_an_expression_is_written_as_the_standard_library_writes_it(text: str) -> None:
    statement = ast.parse(f"async def f():\n {text}").body[0]
    assert isinstance(statement, ast.AsyncFunctionDef)
    expression = statement.body[0]
    assert isinstance(expression, ast.Expr)

    assert written(expression.value) == ast.unparse(expression.value)


def test_every_expression_of_real_code_is_written_as_the_standard_library_writes_it() -> None:
    nodes = [node for file in SOURCES[::4] for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))]
    expressions = [
        node for node in nodes if isinstance(node, (ast.Name, ast.Attribute, ast.Call, ast.Subscript, ast.Constant))
    ]

    wrong = [ast.unparse(node) for node in expressions if written(node) != ast.unparse(node)]

    assert expressions
    assert wrong == []
