"""Typed passwords in statements that SQLAlchemy builds."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from fastness.checker.evidence.plain import Seen, column, typed
from fastness.checker.evidence.project import Project

_STATEMENTS = frozenset({
    "sqlalchemy.insert", "sqlalchemy.update", "sqlmodel.insert", "sqlmodel.update", "sqlalchemy.dialects.postgresql.insert",
})  # fmt: skip


def inserted(project: Project) -> Iterator[Seen]:
    """`insert(Account).values(password=form.password)`, which passes by what a class does with its attributes."""
    for call in project.calls("values"):
        made = call.receiver
        while isinstance(made, ast.Call) and isinstance(made.func, ast.Attribute):
            made = made.func.value
        if not isinstance(made, ast.Call) or project.names.dotted(call.scope, made.func) not in _STATEMENTS:
            continue
        for name, value in call.keywords.items():
            if column(name) and typed(project, call.scope, value):
                yield project.place(call.scope, value), f"{call.scope.short} values"
