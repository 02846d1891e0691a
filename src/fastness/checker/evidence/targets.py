"""What to load for an application that the source shows: its module, its name, and the folder to start it in."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from fastness.checker.evidence.model import Application

if TYPE_CHECKING:
    from fastness.checker.evidence.project import Project

_NEAR = 2
"""How many calls may stand between a module's `app = start()` and the function that makes the application."""


@dataclass(frozen=True, slots=True)
class Target:
    """`app.main:app`, started in `inside`."""

    name: str
    inside: str = ""


def targets_of(application: Application, project: Project) -> Iterator[Target]:
    """How an application may be loaded, the likeliest first.

    What a module binds is served, not the function that makes it: the function may want arguments, and what the module
    adds afterwards would be missed. A module that lies in packages is imported from the folder above them; where that
    fails, from the checked folder.
    """
    name = application.name.partition(":")[2]
    if "." in name:
        for path, bound in _bound(application, project):
            yield from _from(path, bound, project.root)
    # A name inside a function is no name of the module: the module is searched for the application or its factory.
    yield from _from(application.place.path, name if "." not in name else "", project.root)


def _bound(application: Application, project: Project) -> Iterator[tuple[str, str]]:
    """Modules and their names that hold what the application's function made: `app = create_app(settings)`."""
    factory = application.name.replace(":", ".").rpartition(".")[0]
    for scope, assignment in project.assignments():
        if scope.kind == "module" and assignment.how == "plain" and isinstance(assignment.value, ast.Call):
            made = project.call_of(scope, assignment.value).target
            if made is not None and any(function.name == factory for function in made.reaches(_NEAR)):
                yield project.names.module(scope).path, assignment.name


def _from(file: str, attribute: str, root: Path) -> Iterator[Target]:
    path = PurePosixPath(file)
    above = path.parent
    while (root / above / "__init__.py").is_file() and above != PurePosixPath():
        above = above.parent
    for folder in dict.fromkeys([above, PurePosixPath(), path.parent]):
        module = ".".join(path.relative_to(folder).with_suffix("").parts).removesuffix(".__init__")
        yield Target(f"{module}:{attribute}".rstrip(":"), "" if folder == PurePosixPath() else folder.as_posix())
