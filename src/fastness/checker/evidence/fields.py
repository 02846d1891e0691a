"""The fields of models and settings, each model read once."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from fastness.checker.evidence.classes import Class, Field, Model
from fastness.checker.evidence.scope import Assignment
from fastness.checker.evidence.value import Value
from fastness.checker.evidence.written import written

if TYPE_CHECKING:
    from fastness.checker.evidence.project import Project


class Fields:
    """Reads them."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._known: dict[int, tuple[Field, ...]] = {}

    def of(self, model: Model) -> tuple[Field, ...]:
        """The fields of a model, nearest declaration first."""
        if id(model.scope) not in self._known:
            found: dict[str, Field] = {}
            for cls in model.lineage():
                for name, assignments in cls.scope.assigned.items():
                    last = assignments[-1]
                    plain = last.annotation is not None or (model.is_settings and name.isupper())
                    if name in found or not plain or name.startswith("_") or "." in name or name == "model_config":
                        continue
                    if last.annotation is not None and "ClassVar" in written(last.annotation):
                        continue
                    found[name] = self._field(cls, name, last)
            self._known[id(model.scope)] = tuple(found.values())
        return self._known[id(model.scope)]

    def _field(self, cls: Class, name: str, assignment: Assignment) -> Field:
        typed = self._project.annotations.typed(cls.scope, assignment.annotation, assignment.value)
        default: Value | None = None
        if assignment.value is not None:
            call = self._project.annotations.by(typed, "Field")
            default = self._project.value(cls.scope, assignment.value)
            if call is not None and isinstance(assignment.value, ast.Call) and not _has_default(call[1]):
                default = None
            if isinstance(assignment.value, ast.Constant) and assignment.value.value is Ellipsis:
                default = None
        return Field(
            name, typed, self._project.annotations.bounds(typed), default, cls.module.place(assignment.node), cls
        )


def _has_default(call: ast.Call) -> bool:
    if any(k.arg in {"default", "default_factory"} for k in call.keywords):
        return not any(
            k.arg == "default" and isinstance(k.value, ast.Constant) and k.value.value is Ellipsis
            for k in call.keywords
        )
    return bool(call.args) and not (isinstance(call.args[0], ast.Constant) and call.args[0].value is Ellipsis)
