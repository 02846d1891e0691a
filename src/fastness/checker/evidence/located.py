"""Finds the code of what was loaded by the place where it says it was written."""

from __future__ import annotations

from fastness.checker.evidence.classes import Model
from fastness.checker.evidence.depending import Depending
from fastness.checker.evidence.functions import Function
from fastness.checker.evidence.guards import Guards
from fastness.checker.evidence.model import Guard
from fastness.checker.evidence.project import Project
from fastness.checker.finding import Place


class Located:
    """Functions and models of a project by file and first line."""

    def __init__(self, project: Project) -> None:
        self._functions = {(f.place.path, f.place.line): f for f in project.functions()}
        self._models = {(m.place.path, m.place.line): m for m in project.models()}
        self._depending = Depending(project)
        self._guards = Guards(project, self._depending)

    def function_at(self, place: Place) -> Function | None:
        """The function that begins there, decorators included."""
        return self._functions.get((place.path, place.line))

    def model_at(self, place: Place) -> Model | None:
        """The model that begins there, decorators included."""
        return self._models.get((place.path, place.line))

    def guards_of(self, handler: Function) -> tuple[Guard, ...]:
        """What its parameters and its body guard, wherever it is registered."""
        return tuple(self._guards.around(handler, self._depending.of_handler(handler)))
