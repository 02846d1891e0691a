"""Look up every pinned package in an advisory source, and say "not audited" when there was none to ask.

    python tools/audit.py requirements/dev.txt requirements/run.txt

The source is `FASTNESS_ADVISORIES`: the address of a service that speaks the OSV protocol (https://api.osv.dev unless
set), or a folder of OSV records as JSON files, for networks without a way out. The checker reads the same sources.

Exit codes: 0 clean or not audited, 1 a package has a known vulnerability, 2 a file cannot be read or a package in it is
not pinned. An audit that could not see is never called clean: then the last line begins with "not audited".
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from fastness.checker.evidence.advisories import AdvisorySource, UnreadableSourceError
from fastness.checker.evidence.locks import Package, canonical
from fastness.checker.evidence.osv import Folder, Service
from fastness.checker.evidence.versions import NoVersionError, Version
from fastness.checker.finding import Place

PUBLIC_SERVICE = "https://api.osv.dev"
_PIN = re.compile(r"\A([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?==([^\s;\\]+)")


class UnusableError(Exception):
    """A requirements file cannot be audited; the message says which line."""


def pins(text: str, *, source: str) -> Iterator[Package]:
    """The packages of a requirements file, each with its exact version.

    Raises:
        UnusableError: when a line is not `name==version`; what is not pinned cannot be audited.
    """
    for number, line in enumerate(text.replace("\\\n", " ").splitlines(), start=1):
        requirement = line.split(" #")[0].strip()
        if not requirement or requirement.startswith("#"):
            continue
        match = _PIN.match(requirement)
        if match is None:
            raise UnusableError(f"{source}: entry {number} is not a pinned package: {requirement[:80]}")
        try:
            Version.of(match[2])
        except NoVersionError as error:
            raise UnusableError(f"{source}: entry {number} has a version that is none: {requirement[:80]}") from error
        yield Package(canonical(match[1]), match[2], Place(source, number), "pinned")


def main(arguments: list[str]) -> int:
    """Audit the files and print what was found."""
    try:
        named = [p for name in arguments for p in pins(Path(name).read_text(encoding="utf-8"), source=name)]
    except (OSError, UnusableError) as error:
        print(f"audit: {error}", file=sys.stderr)
        return 2
    wanted = {(package.name, package.version): package for package in named}
    if not wanted:
        print("audit: name at least one requirements file that pins something", file=sys.stderr)
        return 2
    try:
        advice = _source(os.environ.get("FASTNESS_ADVISORIES") or PUBLIC_SERVICE).about(wanted.values())
    except UnreadableSourceError as error:
        print(f"not audited: {error}")
        return 0
    found = sorted((p.name, p.version, a.id, a.summary) for p, advisories in advice.items() for a in advisories)
    for name, version, identifier, summary in found:
        print(f"{name} {version}: {identifier} {summary}".rstrip())
    print(f"audited {len(wanted)} packages" + (f", {len(found)} findings" if found else ""))
    return 1 if found else 0


def _source(named: str) -> AdvisorySource:
    if named.startswith(("https://", "http://")):
        return Service(named.rstrip("/"))
    if Path(named).is_dir():
        return Folder(Path(named))
    raise UnreadableSourceError("FASTNESS_ADVISORIES is neither an address nor a folder")


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
