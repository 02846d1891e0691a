"""Known vulnerabilities: our own dated table, or a source that people name.

A source is a folder of OSV records, an endpoint that speaks the OSV protocol, or the JSON report of `uv audit` or
`pip-audit`. A source that was named and cannot be read is an error, never "nothing found".
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from fastness.checker.evidence.locks import canonical, known_version
from fastness.checker.evidence.versions import NoVersionError, Version
from fastness.checker.finding import Severity

if TYPE_CHECKING:
    from fastness.checker.evidence.locks import Package

Advice = Mapping["Package", tuple["Advisory", ...]]


class UnreadableSourceError(Exception):
    """An advisory source cannot be asked, or its answer cannot be trusted to be whole."""


@dataclass(frozen=True, slots=True)
class Advisory:
    """One published vulnerability of one package."""

    id: str
    summary: str = ""
    severity: Severity = Severity.HIGH
    fixed: tuple[str, ...] = ()
    """Versions without it, lowest first; empty when there is none."""
    aliases: tuple[str, ...] = ()

    def update_for(self, version: Version) -> str:
        """The lowest repaired version above this one; empty when there is none."""
        repaired = sorted((parsed, text) for text in self.fixed if (parsed := known_version(text)) is not None)
        return next((text for parsed, text in repaired if parsed > version), "")


class AdvisorySource(Protocol):
    """Where advisories come from."""

    @property
    def title(self) -> str:
        """For people: what it is and of when."""
        ...

    @property
    def complete(self) -> bool:
        """Whether it means to know every published advisory about PyPI packages."""
        ...

    def about(self, packages: Iterable[Package]) -> Advice:
        """The advisories that each of these versions has.

        Raises:
            UnreadableSourceError: it cannot say.
        """
        ...


@dataclass(frozen=True, slots=True)
class Span:
    """Affected versions from `introduced` to before `fixed`, or to `last`, that one included."""

    introduced: str = "0"
    fixed: str = ""
    last: str = ""

    def holds(self, version: Version) -> bool:
        """Whether a version is affected."""
        return (
            version >= Version.of(self.introduced)
            and not (self.fixed and version >= Version.of(self.fixed))
            and not (self.last and version > Version.of(self.last))
        )


@dataclass(frozen=True, slots=True)
class BuiltIn:
    """The table that comes with this release: a few dozen well-known advisories of what FastAPI applications use."""

    complete = False

    @property
    def title(self) -> str:
        """With the day on which the table was last looked through."""
        return f"built-in table of {_table()['date']}"

    def about(self, packages: Iterable[Package]) -> Advice:
        """What the table knows about these versions."""
        return {
            package: found
            for package in packages
            if (version := known_version(package.version)) is not None
            and (found := tuple(a for span, a in built_in().get(package.name, ()) if span.holds(version)))
        }


@cache
def built_in() -> Mapping[str, tuple[tuple[Span, Advisory], ...]]:
    """The built-in table by package."""
    found: dict[str, list[tuple[Span, Advisory]]] = {}
    for row in _table()["advisory"]:
        fixed = row.get("fixed", "")
        advisory = Advisory(
            row["id"],
            row["summary"],
            Severity[row["severity"].upper()],
            (fixed,) if fixed else (),
            tuple(row.get("aliases", ())),
        )
        for package in row["packages"]:
            found.setdefault(canonical(package), []).append((Span(row.get("introduced", "0"), fixed), advisory))
    return {package: tuple(rows) for package, rows in found.items()}


@dataclass(frozen=True, slots=True)
class AuditReport:
    """The JSON report of `uv audit` or `pip-audit`, made where the network is."""

    file: Path
    complete = True

    @property
    def title(self) -> str:
        """Named after the file."""
        return f"audit report {self.file.name}"

    def about(self, packages: Iterable[Package]) -> Advice:
        """What the report says about these versions.

        Raises:
            UnreadableSourceError: it is no such report, or speaks of none of these packages.
        """
        try:
            document: Any = json.loads(self.file.read_text(encoding="utf-8"))
            rows = list(_rows(document))
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise UnreadableSourceError(f"{self.file.name} is no report of uv audit or pip-audit") from error
        found: dict[Package, tuple[Advisory, ...]] = {}
        for package in packages:
            mine = tuple(a for name, version, a in rows if (name, version) == (package.name, package.version))
            if mine:
                found[package] = mine
        return found


def _rows(document: Any) -> Iterator[tuple[str, str, Advisory]]:
    """Package, version and advisory of each row, in either form."""
    if "vulnerabilities" in document and "schema" in document:
        for row in document["vulnerabilities"]:
            advisory = Advisory(
                str(row.get("display_id") or row["id"]), str(row.get("summary") or ""),
                fixed=tuple(row.get("fix_versions") or ()), aliases=tuple(row.get("aliases") or ()),
            )  # fmt: skip
            yield canonical(row["dependency"]["name"]), str(row["dependency"]["version"]), advisory
        return
    for entry in document["dependencies"]:
        if "skip_reason" in entry:
            continue
        for row in entry["vulns"]:
            advisory = Advisory(
                str(row["id"]), str(row.get("description") or "").split("\n")[0][:200],
                fixed=tuple(row.get("fix_versions") or ()), aliases=tuple(row.get("aliases") or ()),
            )  # fmt: skip
            yield canonical(entry["name"]), str(entry["version"]), advisory


def source(named: str) -> AdvisorySource:
    """The source that a setting or option names: a folder, an address or a report; the built-in table when empty.

    Raises:
        UnreadableSourceError: it is none of these.
    """
    if not named:
        return BuiltIn()
    # HTTP and TLS take longer to import than a small check takes.
    from fastness.checker.evidence import osv

    if named.startswith(("https://", "http://")):
        return osv.Service(named.rstrip("/"))
    path = Path(named)
    if path.is_dir():
        return osv.Folder(path)
    if path.is_file():
        return AuditReport(path)
    raise UnreadableSourceError(f"{named!r} is no folder, no file and no address")


@cache
def _table() -> Mapping[str, Any]:
    document = tomllib.loads(files("fastness.checker.evidence").joinpath("advisories.toml").read_text(encoding="utf-8"))
    for row in document["advisory"]:
        for key in ("introduced", "fixed"):
            try:
                Version.of(row.get(key) or "0")
            except NoVersionError as error:
                raise ValueError(f"advisories.toml, {row['id']}: {error}") from error
    return document
