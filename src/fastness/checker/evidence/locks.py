"""Packages that files name: lock files with exact versions, requirements and pyproject.toml with ranges.

Every reader gives what it could read and a complaint for what it could not: a lock file that is half read is not audited.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from fastness.checker.evidence.versions import NoVersionError, Range, Version
from fastness.checker.finding import Place

_NAME = re.compile(
    r"\A\s*([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*(?:\[([^\]]*)\])?\s*([^;@]*)(@[^;]*)?(?:;(.*))?\Z"
)
LARGEST = 32 * 1024 * 1024
"""Bytes of a lock file."""


class UnreadableError(Exception):
    """A file of packages cannot be read; the message says which and why."""


@dataclass(frozen=True, slots=True)
class Package:
    """One package at one version."""

    name: str
    """Canonical, as in PEP 503: `python-multipart`."""
    version: str
    place: Place
    source: Literal["locked", "pinned", "installed"]
    """pinned: exact in a requirements file that is no whole lock."""
    hashed: bool = False


@dataclass(frozen=True, slots=True)
class Requirement:
    """One package that the project asks for, with the range as written."""

    name: str
    range: Range
    place: Place
    extras: tuple[str, ...] = ()
    development: bool = False
    """Asked for by a development group or extra."""


def canonical(name: str) -> str:
    """The name as indexes compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def requirement(text: str, place: Place, *, development: bool = False) -> Requirement | None:
    """One PEP 508 line; None for URLs, paths, options and what is no requirement."""
    found = _NAME.match(text.split(" #", maxsplit=1)[0].split(" --", maxsplit=1)[0])
    if found is None or found[4]:
        return None
    try:
        span = Range.of(found[3].replace("(", "").replace(")", ""))
    except NoVersionError:
        return None
    extras = tuple(canonical(extra) for extra in (found[2] or "").split(",") if extra.strip())
    return Requirement(canonical(found[1]), span, place, extras, development)


def requirements(text: str, path: str) -> Iterator[tuple[Requirement, bool]]:
    """The entries of a requirements file, and whether each has a hash."""
    development = "dev" in path.lower() or "test" in path.lower()
    number = 1
    for entry in re.split(r"(?<!\\)\n", text):
        line = " ".join(entry.replace("\\\n", " ").split())
        if line and not line.startswith(("#", "-")):
            found = requirement(line, Place(path, number), development=development)
            if found:
                yield found, "--hash=" in line
        number += entry.count("\n") + 1


def toml_lock(text: str, path: str) -> Iterator[Package]:
    """uv.lock, poetry.lock, pdm.lock and pylock.toml: tables `package` (`packages`) with `name` and `version`."""
    document = _toml(text, path)
    entries = document.get("package") or document.get("packages") or []
    lines = _lines(text)
    for entry in entries if isinstance(entries, list) else []:
        source = entry.get("source") or {}
        local = isinstance(source, dict) and any(key in source for key in ("editable", "virtual", "directory"))
        if "version" in entry and not local:
            hashed = bool(entry.get("files") or entry.get("wheels") or entry.get("sdist") or _hashes(document, entry))
            name = canonical(str(entry["name"]))
            yield Package(name, str(entry["version"]), Place(path, lines.get(name, 1)), "locked", hashed)


def pipfile_lock(text: str, path: str) -> Iterator[Package]:
    """Pipfile.lock."""
    try:
        document: Any = json.loads(text)
    except ValueError as error:
        raise UnreadableError(f"{path} is not JSON: {error}") from error
    for group in ("default", "develop"):
        for name, entry in (document.get(group) or {}).items():
            if isinstance(entry, dict) and str(entry.get("version", "")).startswith("=="):
                line = next((n for n, row in enumerate(text.splitlines(), start=1) if f'"{name}"' in row), 1)
                yield Package(
                    canonical(name), entry["version"][2:], Place(path, line), "locked", bool(entry.get("hashes"))
                )


def pyproject(text: str, path: str) -> Iterator[Requirement]:
    """What pyproject.toml asks for: [project], optional dependencies, dependency groups, Poetry's and PDM's tables."""
    document = _toml(text, path)
    project, tool = document.get("project") or {}, document.get("tool") or {}
    found: list[tuple[str, bool]] = [(line, False) for line in project.get("dependencies") or []]
    for table in (project.get("optional-dependencies"), document.get("dependency-groups"),
                  (tool.get("pdm") or {}).get("dev-dependencies")):  # fmt: skip
        for group, lines in (table or {}).items():
            found += [(line, _for_development(group)) for line in lines if isinstance(line, str)]
    poetry = tool.get("poetry") or {}
    tables = [(poetry.get("dependencies"), False), (poetry.get("dev-dependencies"), True)]
    tables += [
        (group.get("dependencies"), _for_development(name)) for name, group in (poetry.get("group") or {}).items()
    ]
    for entries, development in tables:
        for name, value in (entries or {}).items():
            span = value.get("version", "") if isinstance(value, dict) else value
            if (
                isinstance(span, str)
                and name.lower() != "python"
                and not (isinstance(value, dict) and _elsewhere(value))
            ):
                bare = span if not span[:1].isdigit() else f"=={span}"
                found.append((f"{name} {'' if bare == '*' else bare}", development))
    rows = text.splitlines()
    for line, development in found:
        made = requirement(line, Place(path, _row(rows, line)), development=development)
        if made:
            yield made


READERS: Mapping[str, Callable[[str, str], Iterator[Package]]] = {
    "uv.lock": toml_lock,
    "poetry.lock": toml_lock,
    "pdm.lock": toml_lock,
    "pylock.toml": toml_lock,
    "Pipfile.lock": pipfile_lock,
}
"""Lock files by name."""


def read(file: Path) -> str:
    """The text of a file of packages.

    Raises:
        UnreadableError: it is too large or no text.
    """
    try:
        if file.stat().st_size > LARGEST:
            raise UnreadableError(f"{file.name} is larger than {LARGEST >> 20} MiB")
        return file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UnreadableError(f"{file.name} cannot be read ({type(error).__name__})") from error


def exact(found: Requirement, *, hashed: bool) -> Package | None:
    """The package that a requirement pins; None where it leaves a choice or its version is none."""
    pin = found.range.pin
    return None if pin is None else Package(found.name, str(pin), found.place, "pinned", hashed)


def known_version(text: str) -> Version | None:
    """The version; None when the text is none, as in a lock that was written by hand."""
    try:
        return Version.of(text)
    except NoVersionError:
        return None


def _toml(text: str, path: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UnreadableError(f"{path} is not TOML: {error}") from error


def _lines(text: str) -> dict[str, int]:
    """Where each package's table says its name."""
    found: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if line.startswith("name = "):
            found.setdefault(canonical(line[7:].strip().strip('"')), number)
    return found


def _hashes(document: Mapping[str, Any], entry: Mapping[str, Any]) -> bool:
    files = (document.get("metadata") or {}).get("files") or {}  # Poetry before 1.3
    return bool(files.get(entry.get("name")))


def _for_development(group: str) -> bool:
    return any(word in group.lower() for word in ("dev", "test", "lint", "doc", "typing", "build"))


def _elsewhere(value: Mapping[str, Any]) -> bool:
    return any(key in value for key in ("git", "path", "url"))


def _row(rows: list[str], line: str) -> int:
    name = re.split(r"[\s\[<>=!~;^(]", line.strip(), maxsplit=1)[0]
    pattern = re.compile(rf"""(?:\A\s*|["'])"?{re.escape(name)}(?![\w.-])""", re.IGNORECASE)
    return next((n for n, row in enumerate(rows, start=1) if pattern.search(row)), 1)
