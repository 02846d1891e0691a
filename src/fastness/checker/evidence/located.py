"""Finds the code of what was loaded by the place where it says it was written."""

from __future__ import annotations

from fastness.checker.evidence.classes import Model
from fastness.checker.evidence.functions import Function
from fastness.checker.evidence.project import Project
from fastness.checker.finding import Place


class Located:
    """Functions and models of a project by file and first line."""

    def __init__(self, project: Project) -> None:
        self._functions = {(f.place.path, f.place.line): f for f in project.functions()}
        self._models = {(m.place.path, m.place.line): m for m in project.models()}

    def function_at(self, place: Place) -> Function | None:
        """The function that begins there, decorators included."""
        return self._functions.get((place.path, place.line))

    def model_at(self, place: Place) -> Model | None:
        """The model that begins there, decorators included."""
        return self._models.get((place.path, place.line))
