"""What to load for an application that the source shows: its module, its name, and the folder to start it in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from fastness.checker.evidence.model import Application


@dataclass(frozen=True, slots=True)
class Target:
    """`app.main:app`, started in `inside`."""

    name: str
    inside: str = ""


def targets_of(application: Application, root: Path) -> Iterator[Target]:
    """How an application may be loaded, the likeliest first.

    A module that lies in packages is imported from the folder above them; where that fails, from the checked folder.
    """
    path = PurePosixPath(application.place.path)
    name = application.name.partition(":")[2]
    # A name inside a function is no name of the module: the module is searched for the application or its factory.
    attribute = name if "." not in name else ""
    above = path.parent
    while (root / above / "__init__.py").is_file() and above != PurePosixPath():
        above = above.parent
    for folder in dict.fromkeys([above, PurePosixPath(), path.parent]):
        module = ".".join(path.relative_to(folder).with_suffix("").parts).removesuffix(".__init__")
        yield Target(f"{module}:{attribute}".rstrip(":"), "" if folder == PurePosixPath() else folder.as_posix())
