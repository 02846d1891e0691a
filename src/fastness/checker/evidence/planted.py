"""Credentials outside assignments and arguments: seeded accounts, images, and what a caller is asked to send."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from fastness.checker.evidence.credential import Credential
from fastness.checker.evidence.origin import Source
from fastness.checker.evidence.passwords import last_word
from fastness.checker.evidence.scope import Scope
from fastness.checker.evidence.secrecy import SHORTEST, holds_secret, plausible, signs, stand_in
from fastness.checker.evidence.value import Value

if TYPE_CHECKING:
    from fastness.checker.evidence.project import Project

_SEEDED = re.compile(
    r"insert\s+(or\s+\w+\s+)?into\s+[\"`']?\w*(user|account|admin|member)\w*[\"`']?.*?\bpass\w*.*?values\s*\((?=[^)]*['\"][^'\"?:%{]+['\"])",
    re.IGNORECASE | re.DOTALL,
)
_BUILT = re.compile(r"^\s*(?:ENV|ARG)\s+(\w+)[=\s]\s*[\"']?([^\s\"']+)")


def seeds(project: Project) -> Iterator[Credential]:
    """Accounts that a statement inserts with their password."""
    for call in project.calls("execute", "executemany", "executescript", "exec_driver_sql", "text"):
        value = call.value(0)
        if _SEEDED.search(value.text):
            yield Credential("password", value, call.place, call.scope, "seed", signing=False)


def images(project: Project) -> Iterator[Credential]:
    """`ENV SECRET_KEY=...` of a Dockerfile: it stays in every layer of the image."""
    for path in project.files.dockerfiles():
        for place, found in project.files.lines(path, _BUILT.pattern):
            name, text = found[1], found[2]
            if (
                holds_secret(name)
                and plausible(text, signing=signs(name))
                and not stand_in(text)
                and not text.startswith("$")
            ):
                value = Value(text, "literal", place=place)
                yield Credential(name, value, place, project.modules[0].scope, "assigned", signs(name))


_EMPTY = frozenset({"", "null", "undefined", "none", "bearer", "basic", "string", "true", "false"})


def compared(project: Project) -> Iterator[Credential]:
    """`if password == "letmein"`, `compare_digest(given.password, b"letmein")`: what a caller must send."""
    pairs: list[tuple[Scope, ast.expr, ast.expr, ast.expr]] = [
        (scope, node, node.left, node.comparators[0])
        for scope, node in project.nodes(ast.Compare)
        if len(node.ops) == 1 and isinstance(node.ops[0], (ast.Eq, ast.NotEq))
    ]
    pairs += [
        (c.scope, c.node, c.node.args[0], c.node.args[1])
        for c in project.calls("compare_digest")
        if len(c.node.args) > 1
    ]
    for scope, node, one, other in pairs:
        for given, kept in ((one, other), (other, one)):
            word = last_word(given)
            text = project.value(scope, kept).text if isinstance(kept, ast.Constant) else ""
            if scope.kind != "function" or text.lower() in _EMPTY or not holds_secret(word) or len(text) < SHORTEST:
                continue
            if any(_sent(s) for s in project.flow.origins(scope, given)):
                yield Credential(
                    word, Value(text, "literal"), project.place(scope, node), scope, "assigned", signing=False
                )


def _sent(source: Source) -> bool:
    """Whether it is the caller's; a record that a dependency looked up is not."""
    form = source.kind == "dependency" and re.search(r"Credentials|Form", source.annotation) is not None
    return source.direct and (source.kind == "request" or form)
