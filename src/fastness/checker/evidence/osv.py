"""Advisories as OSV writes them: a folder of records, or a service (https://google.github.io/osv.dev/api/).

`tools/audit.py` audits this project's own pins with it.
"""

from __future__ import annotations

import http.client
import json
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastness.checker.evidence.advisories import Advisory, UnreadableSourceError
from fastness.checker.evidence.locks import canonical, known_version
from fastness.checker.evidence.versions import NoVersionError, Version
from fastness.checker.finding import Severity

if TYPE_CHECKING:
    from fastness.checker.evidence.advisories import Advice
    from fastness.checker.evidence.locks import Package

TIMEOUT_SECONDS = 20
BATCH = 500
MAX_ANSWER_BYTES = 32 * 1024 * 1024
MAX_PAGES = 20
_WORDS = {"low": Severity.LOW, "moderate": Severity.MEDIUM, "medium": Severity.MEDIUM, "high": Severity.HIGH,
          "critical": Severity.CRITICAL}  # fmt: skip
Affected = tuple[Mapping[str, Any], Mapping[str, Any]]
"""A record, and the part of it that is about one package."""


@dataclass(frozen=True, slots=True)
class Folder:
    """OSV records on disk, for networks without a way out."""

    path: Path
    complete = True

    @property
    def title(self) -> str:
        """Named after the folder."""
        return f"OSV records in {self.path.name}"

    def about(self, packages: Iterable[Package]) -> Advice:
        """What the records say about these versions.

        Raises:
            UnreadableSourceError: the folder holds no record about a PyPI package, or one that cannot be read.
        """
        known: dict[str, list[Affected]] = {}
        for file in sorted(self.path.rglob("*.json")):
            for record, affected in _affected(file):
                known.setdefault(canonical(affected["package"]["name"]), []).append((record, affected))
        if not known:
            raise UnreadableSourceError(f"{self.path} holds no OSV record about a PyPI package")
        found: dict[Package, tuple[Advisory, ...]] = {}
        for package in packages:
            mine = tuple(
                advisory_of(record, package.name)
                for record, affected in known.get(package.name, ())
                if package.version in affected.get("versions", ())
                or in_range(package.version, affected.get("ranges", ()))
            )
            if mine:
                found[package] = mine
        return found


@dataclass(frozen=True, slots=True)
class Service:
    """A service that speaks the OSV protocol. It learns the names and versions of the packages."""

    base: str
    complete = True

    @property
    def title(self) -> str:
        """Named after its address."""
        return f"OSV service {self.base}"

    def about(self, packages: Iterable[Package]) -> Advice:
        """What the service says about these versions.

        Raises:
            UnreadableSourceError: unreachable, an error, or an answer for fewer packages than were asked about.
        """
        wanted = list(packages)
        ids: dict[Package, list[str]] = {}
        for start in range(0, len(wanted), BATCH):
            queries: list[tuple[Package, str | None]] = [(package, None) for package in wanted[start : start + BATCH]]
            for _ in range(MAX_PAGES):
                queries, found = self._ask(queries)
                for package, identifier in found:
                    ids.setdefault(package, []).append(identifier)
                if not queries:
                    break
            else:
                raise UnreadableSourceError("the service never came to its last page")
        records = {
            identifier: self._record(identifier) for identifier in sorted({i for each in ids.values() for i in each})
        }
        return {
            package: tuple(advisory_of(records[identifier], package.name) for identifier in dict.fromkeys(found))
            for package, found in ids.items()
        }

    def _ask(
        self, queries: list[tuple[Package, str | None]]
    ) -> tuple[list[tuple[Package, str | None]], list[tuple[Package, str]]]:
        body = {
            "queries": [
                {"package": {"name": package.name, "ecosystem": "PyPI"}, "version": package.version}
                | ({"page_token": page} if page else {})
                for package, page in queries
            ]
        }
        results = self._call("/v1/querybatch", body).get("results")
        if not isinstance(results, list) or len(results) != len(queries):
            raise UnreadableSourceError("the service did not answer for every package")
        more: list[tuple[Package, str | None]] = []
        found: list[tuple[Package, str]] = []
        for (package, _), result in zip(queries, results, strict=True):
            answer: Mapping[str, Any] = result or {}
            found += [(package, str(record["id"])) for record in answer.get("vulns") or ()]
            if answer.get("next_page_token"):
                more.append((package, str(answer["next_page_token"])))
        return more, found

    def _record(self, identifier: str) -> Mapping[str, Any]:
        try:
            return {**self._call(f"/v1/vulns/{identifier}"), "id": identifier}
        except UnreadableSourceError:
            return {"id": identifier}  # the advisory stands without its words

    def _call(self, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        request = urllib.request.Request(  # noqa: S310 - only http and https come here
            self.base + path,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json", "User-Agent": "fastness-audit"},
        )
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310
                raw = answer.read(MAX_ANSWER_BYTES + 1)
            document = json.loads(raw)
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise UnreadableSourceError(f"{self.base} did not give an answer ({type(error).__name__})") from error
        if not isinstance(document, dict) or len(raw) > MAX_ANSWER_BYTES:
            raise UnreadableSourceError("the service answered with something that is no OSV answer")
        return document


def advisory_of(record: Mapping[str, Any], package: str) -> Advisory:
    """One record as an advisory about one package."""
    fixed = [
        str(event["fixed"])
        for affected in record.get("affected") or ()
        if canonical(str((affected.get("package") or {}).get("name", ""))) == package
        for span in affected.get("ranges") or ()
        if span.get("type") == "ECOSYSTEM"
        for event in span.get("events") or ()
        if "fixed" in event
    ]
    word = str((record.get("database_specific") or {}).get("severity", "")).lower()
    return Advisory(
        str(record["id"]), str(record.get("summary") or ""), _WORDS.get(word, Severity.HIGH), tuple(dict.fromkeys(fixed)),
        tuple(map(str, record.get("aliases") or ())),
    )  # fmt: skip


def in_range(version: str, ranges: Iterable[Mapping[str, Any]]) -> bool:
    """Whether the events of an ECOSYSTEM range, read in order, leave `version` affected (OSV schema, evaluation)."""
    mine = known_version(version)
    if mine is None:
        return False
    for span in ranges:
        if span.get("type") != "ECOSYSTEM":
            continue
        hit = False
        for event in sorted(span.get("events", ()), key=_when):
            kind, at = next(iter(event.items()))
            if kind == "introduced" and mine >= _version(at):
                hit = True
            elif (kind == "fixed" and mine >= _version(at)) or (kind == "last_affected" and mine > _version(at)):
                hit = False
        if hit:
            return True
    return False


def _affected(file: Path) -> Iterator[Affected]:
    try:
        record = json.loads(file.read_text(encoding="utf-8"))
        if record.get("withdrawn"):
            return
        for affected in record.get("affected", ()):
            if affected.get("package", {}).get("ecosystem") == "PyPI":
                yield record, affected
    except (OSError, ValueError, AttributeError) as error:
        raise UnreadableSourceError(f"{file.name} is no readable OSV record") from error


def _when(event: Mapping[str, str]) -> tuple[Version, bool]:
    kind, at = next(iter(event.items()))
    return _version(at), kind != "introduced"


def _version(text: str) -> Version:
    try:
        return Version.of(text)
    except NoVersionError as error:
        raise UnreadableSourceError(f"an advisory names a version that is none: {text[:40]}") from error
