"""The packages of a project: locked, pinned, installed, and asked for; and what an advisory source says about them.

Nothing is executed: installed packages are read from the folders of an environment.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from fastness.checker.evidence import locks
from fastness.checker.evidence.advisories import Advice, Advisory, AdvisorySource, UnreadableSourceError
from fastness.checker.evidence.locks import Package, Requirement, UnreadableError, canonical
from fastness.checker.finding import Place

_DIST = re.compile(r"\A(?P<name>.+)-(?P<version>[^-]+)\.(?:dist-info|egg-info)\Z")
_REQUIREMENTS = re.compile(r"requirements|constraints", re.IGNORECASE)
_DEEPEST = 2
"""Folders below the root where files of packages are looked for."""
_AWAY = frozenset({"node_modules", "site-packages", "__pycache__"})


@dataclass(frozen=True, slots=True)
class Packages:
    """All that is known about a project's packages."""

    packages: tuple[Package, ...] = ()
    """Exact versions; a lock file's word goes before an environment's."""
    requirements: tuple[Requirement, ...] = ()
    locks: tuple[str, ...] = ()
    """Paths of the lock files, and of requirements files where every entry is exact."""
    complaints: tuple[str, ...] = ()
    """Files that could not be read."""
    environment: str = ""
    """The folder that the installed packages were read from."""
    advice: Mapping[Package, tuple[Advisory, ...]] = field(default_factory=dict)
    source: str = ""
    complete: bool = False
    problem: str = ""
    """Why the advisory source could not be read."""

    @property
    def places(self) -> Mapping[str, Place]:
        """Where each package is asked for, or else locked."""
        found = {package.name: package.place for package in self.packages}
        return {**found, **{wanted.name: wanted.place for wanted in self.requirements}}

    def version_of(self, name: str) -> Package | None:
        """The exact version of a package, where one is known."""
        return next((package for package in self.packages if package.name == name), None)

    def wanted(self, name: str) -> Requirement | None:
        """How the project asks for a package."""
        return next((found for found in self.requirements if found.name == name), None)


def gather(root: Path, *, python: Path | None = None) -> Packages:
    """The packages of the project at `root`; `python` is the interpreter whose environment counts."""
    wanted, found, paths, complaints = list[Requirement](), list[Package](), list[str](), list[str]()
    for file in _files(root):
        path = file.relative_to(root).as_posix()
        try:
            text = locks.read(file)
            if file.name in locks.READERS:
                found += locks.READERS[file.name](text, path)
                paths.append(path)
            elif file.name == "pyproject.toml":
                wanted += locks.pyproject(text, path)
            else:
                entries = list(locks.requirements(text, path))
                exact = [locks.exact(entry, hashed=hashed) for entry, hashed in entries]
                found += [package for package in exact if package is not None]
                wanted += [entry for entry, _ in entries]
                if entries and None not in exact:
                    paths.append(path)
        except UnreadableError as error:
            complaints.append(str(error))
    folder = environment(root, python, {entry.name for entry in wanted if not entry.development})
    if folder is not None:
        known = {package.name for package in found}
        found += [p for p in installed(folder, wanted) if p.name not in known]
    return Packages(tuple(_once(found)), tuple(wanted), tuple(paths), tuple(complaints), str(folder or ""))


def audited(packages: Packages, source: AdvisorySource) -> Packages:
    """The same packages with what the source says about them; a source that cannot be read is a `problem`."""
    try:
        advice: Advice = source.about(packages.packages)
    except UnreadableSourceError as error:
        return replace(packages, source=source.title, problem=str(error))
    return replace(packages, advice=advice, source=source.title, complete=source.complete)


def environment(root: Path, python: Path | None, wanted: Iterable[str]) -> Path | None:
    """The site-packages folder of the project: of `python`, of its own `.venv`, or of the active environment.

    The active environment counts only when it holds what the project asks for: on a clone of something else it would be
    the checker's own.
    """
    if python is not None:
        return _site_packages(python.absolute().parent.parent)
    for name in (".venv", "venv", "env"):
        own = _site_packages(root / name)
        if own is not None:
            return own
    active = os.environ.get("VIRTUAL_ENV")
    folder = _site_packages(Path(active)) if active else None
    names = set(wanted)
    if folder is None or not names or not names <= {package.name for package in installed(folder, ())}:
        return None
    return folder


def installed(folder: Path, wanted: Iterable[Requirement]) -> Iterator[Package]:
    """The distributions of a site-packages folder, by the names of their metadata folders."""
    places = {entry.name: entry.place for entry in wanted}
    for entry in sorted(folder.iterdir()):
        found = _DIST.match(entry.name)
        if found:
            name = canonical(found["name"])
            yield Package(name, found["version"], places.get(name, Place("pyproject.toml")), "installed")


def _site_packages(home: Path) -> Path | None:
    candidates = [*sorted(home.glob("lib/python3*/site-packages"), reverse=True), home / "Lib" / "site-packages"]
    return next((folder for folder in candidates if folder.is_dir()), None)


def _files(root: Path, depth: int = 0) -> Iterator[Path]:
    """Files of packages, those nearest to the root first."""
    try:
        entries = sorted(os.scandir(root), key=lambda entry: entry.name)
    except OSError:
        return
    for entry in entries:
        if entry.is_file(follow_symlinks=False) and _is_one(Path(entry.path)):
            yield Path(entry.path)
    if depth == _DEEPEST:
        return
    for entry in entries:
        home = entry.is_dir(follow_symlinks=False) and not entry.name.startswith(".") and entry.name not in _AWAY
        if home and not (Path(entry.path) / "pyvenv.cfg").exists():
            yield from _files(Path(entry.path), depth + 1)


def _is_one(file: Path) -> bool:
    if file.name in locks.READERS or file.name == "pyproject.toml":
        return True
    in_folder = bool(_REQUIREMENTS.search(file.parent.name))
    return file.suffix in {".txt", ".in"} and (bool(_REQUIREMENTS.search(file.name)) or in_folder)


def _once(found: Iterable[Package]) -> Iterator[Package]:
    """Each name at each version once; a whole lock file speaks before single pins."""
    seen: set[tuple[str, str]] = set()
    for package in sorted(found, key=lambda one: (one.source != "locked", one.source == "installed")):
        if (package.name, package.version) not in seen:
            seen.add((package.name, package.version))
            yield package
