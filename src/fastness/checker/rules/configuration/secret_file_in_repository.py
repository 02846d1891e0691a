"""
## What it looks for
Files that hold secrets or data among the files of the project: `.env` with values, private keys, database files.

## Why it matters
Everybody with a copy of the repository has them, and history keeps them for ever.

## Bad
    # file: main.py
    from fastapi import FastAPI

    app = FastAPI()

    # file: .env
    DATABASE_PASSWORD=Winter-2024-shop-9f3a

## Good
    # file: main.py
    from fastapi import FastAPI

    app = FastAPI()

    # file: .env.example
    DATABASE_PASSWORD=

## How it is found
The names of all files are looked at; `.gitignore` and the list of tracked files (git's index) decide whether a file is part of the
repository. Examples, tests, empty values and placeholders are left alone.

## What it cannot see
Secrets that were removed but stay in the history.

## How to tell the checker
`exclude = ["path"]` in `[tool.fastness.check]`.

## References
OWASP API8:2023, ASVS 13.4.1 and 13.3.1, CWE-538
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from fastness.checker.evidence.project import Project
from fastness.checker.evidence.tracked import Tracked, tracked
from fastness.checker.finding import Confidence, Finding, Place, Severity
from fastness.checker.rule import Rule

_SECRET = re.compile(r"pass(word|wd)?|secret|token|api_?key|private_?key|access_?key|credential|dsn", re.IGNORECASE)
_ENDPOINT = re.compile(
    r"(_url|_uri|_path|_file|_host|_name|_user|expire\w*|_minutes|_seconds|_days|algorithm|_length|_type|_enabled|_id)$",
    re.IGNORECASE,
)
_PLACEHOLDER = re.compile(
    r"^$|fake|replace|\*\*\*|change|your[-_ ]|example|placeholder|^x+$|^<.*>$|^\$\{|^\*+$|todo|dummy|^(test|postgres|root|admin|password|secret|guest|minio|minioadmin"
    r"|user|username|true|false|none|null|string|localhost|dev|local|development)$|^\{\{",
    re.IGNORECASE,
)
_KEY = re.compile(r"-----BEGIN (RSA |EC |OPENSSH |DSA |ENCRYPTED )?PRIVATE KEY-----")
_KEY_FIELD = r'"private_key"\s*:\s*"-----BEGIN (RSA |EC )?PRIVATE KEY-----'
"""A cloud's service account, as its console hands it out."""
_EXAMPLE = re.compile(
    r"(^|/)(tests?|examples?|samples?|fixtures?|docs?|testdata|demo|\.devcontainer)(/|$)|(^|[._-])(test|testing|example|sample|template|dist|dev|local|ci|demo)([._-]|$)",
    re.IGNORECASE,
)
_HEADER = b"SQLite format 3\x00"
_ROWS = 20_000
"""Bytes: a database file above this holds rows."""


class SecretFileInRepository(Rule):
    """A secret in every copy of the repository."""

    id, name, control, severity = "FN708", "secret-file-in-repository", "secrets", Severity.HIGH
    owasp, asvs, cwe, guide = ("API8:2023",), ("13.4.1", "13.3.1"), (538, 312), (9,)
    why = "everybody with a copy of the repository has the secret, and git keeps it for ever"
    fix = "take the file out, add it to .gitignore, and change every secret that was in it"

    def read(self, project: Project) -> Iterator[Finding]:
        files = tracked(project.root if project.root.is_dir() else project.root.parent)
        for setting in project.files.environment():
            path = setting.place.path
            if setting.example or _EXAMPLE.search(path) or not files.holds(path):
                continue
            if (
                _SECRET.search(setting.name)
                and not _ENDPOINT.search(setting.name)
                and not _PLACEHOLDER.search(setting.value)
            ):
                yield self.found(setting.place, f"{setting.name} lies in {path}", subject=f"{path} {setting.name}")
        yield from self._keys(project, files)

    def _keys(self, project: Project, files: Tracked) -> Iterator[Finding]:
        for path in project.files.named(r".*\.(pem|key|p12|pfx|jks)|id_(rsa|ed25519|ecdsa|dsa)|.*\.(db|sqlite3?)"):
            if _EXAMPLE.search(path) or not files.holds(path):
                continue
            if path.endswith((".db", ".sqlite", ".sqlite3")):
                if self._has_rows(project, path):
                    yield self.found(
                        Place(path),
                        f"{path} is a database file",
                        subject=path,
                        severity=Severity.MEDIUM,
                        confidence=Confidence.MEDIUM,
                    )
            elif _KEY.search(project.files.text(path)):
                yield self.found(Place(path), f"{path} holds a private key", subject=path)
        for path in project.files.named(r".*\.json"):
            if _EXAMPLE.search(path) or not files.holds(path):
                continue
            for place, _ in project.files.lines(path, _KEY_FIELD):
                yield self.found(place, f"{path} holds a private key", subject=path)

    @staticmethod
    def _has_rows(project: Project, path: str) -> bool:
        try:
            data = (project.files.root / path).read_bytes()
        except OSError:
            return False
        return data.startswith(_HEADER) and len(data) > _ROWS
