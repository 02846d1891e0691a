"""The words and nodes of a scope, for those who search in it."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from fastness.checker.evidence.scope import Scope
from fastness.checker.evidence.walking import walk

LABEL = 80
"""Characters: a longer text is prose, not a word of the program."""


def words_of(scope: Scope) -> str:
    """All names, attributes and short texts of a scope and what is in it, in lower case, joined by blanks."""
    body = getattr(scope.node, "body", [])
    found: list[str] = []
    for statement in body:
        for node in walk(statement):
            if isinstance(node, ast.Name):
                found.append(node.id)
            elif isinstance(node, ast.Attribute):
                found.append(node.attr)
            elif isinstance(node, ast.keyword) and node.arg:
                found.append(node.arg)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str) and len(node.value) < LABEL:
                found.append(node.value)
    return " ".join(found).lower()


def own_nodes(scope: Scope) -> Iterator[ast.AST]:
    """Every node of a scope's body, without those of nested functions and classes."""
    todo: list[ast.AST] = list(getattr(scope.node, "body", ()))
    while todo:
        node = todo.pop()
        yield node
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            todo.extend(ast.iter_child_nodes(node))
