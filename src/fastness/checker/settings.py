"""`[tool.fastness.check]` of pyproject.toml: what the people of a project decided about the checker.

Strict: an unknown key, a value of another type or a reason that is missing is an error that says where, because a
setting that silently does nothing is worse than none.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from enum import IntEnum
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, TypeVar

from fastness.checker.finding import Confidence, Persona, Severity

TABLE = "tool.fastness.check"
E = TypeVar("E", bound=IntEnum)


class SettingsError(Exception):
    """The settings cannot be used; the message says which file, which key and what to do."""


@dataclass(frozen=True, slots=True)
class CheckSettings:
    """What pyproject.toml says, with our defaults for the rest. The command line overrides single values."""

    select: tuple[str, ...] = ()
    """Ids, names or first digits of ids (`FN1`); empty for all rules."""
    ignore: tuple[str, ...] = ()
    """Rules that do not run."""
    per_path_ignores: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Glob of a path from the project's folder -> rules that are not reported there."""
    exclude: tuple[str, ...] = ()
    """Globs of files and folders that are not read."""
    fail_on: Severity = Severity.MEDIUM
    """`low`, `medium`, `high` or `critical`: from here on the run ends with 1."""
    min_confidence: Confidence = Confidence.LOW
    """`low`, `medium`, `high` or `proved`: what is less sure is not shown."""
    persona: Persona = Persona.REGULAR
    """`regular`, `pedantic` or `auditor`."""
    baseline: str = ""
    """Path of the baseline file, from the project's folder."""
    target: str = ""
    """`module:app` that `--load` and `--probe` mean when the command line names none; never loaded without them."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Variables of the loaded application, `{DB_BACKEND = "memory"}`; what else it asks for is made up."""
    advisories: str = ""
    """Folder of OSV records, address of an OSV service, or report of `uv audit` or `pip-audit`."""
    public: Mapping[str, str] = field(default_factory=dict)
    """`GET /health`, `/static/*` -> the reason why everybody may call it."""
    authentication: tuple[str, ...] = ()
    """Own dependencies, decorators and middleware that prove who is asking: `app.deps.current_user`."""
    roles: tuple[str, ...] = ()
    """Own dependencies that ask for a role, scope or permission."""
    limiters: tuple[str, ...] = ()
    """Own dependencies, decorators and middleware that limit rates."""
    gateway: Mapping[str, str] = field(default_factory=dict)
    """Duty that something in front of the application does -> what does it: `limits = "nginx limit_req"`."""
    rules: tuple[str, ...] = ()
    """Modules with rules of one's own; they run with `--own-rules` alone, since importing them runs their code."""
    folder: Path = Path()
    """Where the pyproject.toml lies; paths above begin there. Not a key."""
    prefix: str = ""
    """The way from `folder` to the checked folder, with a slash at its end. Not a key."""

    def public_reason(self, method: str, path: str) -> str | None:
        """Why the settings call this route public; None when they do not. Paths are globs."""
        for pattern, reason in self.public.items():
            methods, _, where = pattern.rpartition(" ")
            if fnmatchcase(path, where) and (not methods or method in methods.split(",")):
                return reason
        return None

    def ignored_at(self, path: str) -> tuple[str, ...]:
        """The rules, as written, that are not reported in this file."""
        return tuple(
            rule
            for pattern, rules in self.per_path_ignores.items()
            if matches(self.prefix + path, pattern)
            for rule in rules
        )


def matches(path: str, pattern: str) -> bool:
    """Whether a path from the project's folder is meant by a glob: `tests/*` also means what lies deeper."""
    bare = pattern.removeprefix("./").rstrip("/")
    return fnmatchcase(path, bare) or fnmatchcase(path, f"{bare}/*")


DUTIES = ("limits", "headers", "hosts", "body", "cors", "access", "docs", "proxies")
"""What a gateway may do instead of the application."""


def read(root: Path) -> CheckSettings:
    """The settings of the project at `root`: of its own pyproject.toml, or of the nearest one above.

    Raises:
        SettingsError: the file is no TOML, or its table is not as it should be.
    """
    file = pyproject_of(root)
    if file is None:
        return CheckSettings(folder=root)
    inside = root.resolve().relative_to(file.parent).as_posix()
    return replace(read_file(file), folder=file.parent, prefix="" if inside == "." else f"{inside}/")


def pyproject_of(root: Path) -> Path | None:
    """The pyproject.toml that speaks for a folder: the nearest, no further up than its repository."""
    for folder in (start := root.resolve(), *start.parents):
        if (folder / "pyproject.toml").is_file():
            return folder / "pyproject.toml"
        if (folder / ".git").exists():
            return None
    return None


def read_file(file: Path) -> CheckSettings:
    """The settings of one file.

    Raises:
        SettingsError: as `read` does.
    """
    try:
        table: Any = tomllib.loads(file.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{file.name} is not TOML: {error}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file.name} cannot be read: {error}") from error
    for part in TABLE.split("."):
        table = table.get(part, {}) if isinstance(table, dict) else None
    if not isinstance(table, dict):
        raise SettingsError(f"{file.name}: [{TABLE}] must be a table")
    return parse(table, f"{file.name}, [{TABLE}]")


def parse(table: Mapping[str, Any], where: str) -> CheckSettings:
    """The settings of a table.

    Raises:
        SettingsError: a key is unknown, or a value is not of its kind.
    """
    known = known_keys()
    values: dict[str, Any] = {}
    for key, value in table.items():
        if key not in known:
            near = difflib.get_close_matches(key.replace("_", "-"), known, 1, 0.5)
            raise SettingsError(
                f"{where}: unknown key {key!r}"
                + (f"; did you mean {near[0]!r}?" if near else f"; known: {', '.join(sorted(known))}")
            )
        try:
            values[known[key]] = _READERS[known[key]](value)
        except ValueError as error:
            raise SettingsError(f"{where}, {key}: {error}") from error
    return CheckSettings(**values)


def known_keys() -> dict[str, str]:
    """The keys of the table, and the field that each one sets."""
    return {item.name.replace("_", "-"): item.name for item in fields(CheckSettings) if item.name in _READERS}


def member(kind: type[E], value: object) -> E:
    """A level by its name in small letters.

    Raises:
        ValueError: there is none; the message lists them and may say which was meant.
    """
    names = [level.name.lower() for level in kind]
    if isinstance(value, str) and value.lower() in names:
        return kind[value.upper()]
    near = difflib.get_close_matches(str(value).lower(), names, 1)
    raise ValueError(f"{value!r} is none of {', '.join(names)}" + (f"; did you mean {near[0]!r}?" if near else ""))


def _text(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("must be text")
    return value


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(part, str) and part.strip() for part in value):
        raise ValueError('must be a list of texts, as in ["FN101"]')
    return tuple(value)


def _lists(value: object) -> dict[str, tuple[str, ...]]:
    if not isinstance(value, dict):
        raise ValueError(  # noqa: TRY004 - the caller turns it into words
            'must be a table, as in {"tests/*" = ["FN123"]}'
        )
    return {pattern: _texts(rules) for pattern, rules in value.items()}


def _reasons(value: object) -> dict[str, str]:
    if not isinstance(value, dict):
        raise ValueError(  # noqa: TRY004 - the same
            'must be a table with a reason for each entry, as in {"GET /health" = "the load balancer asks"}'
        )
    for entry, reason in value.items():
        if not isinstance(reason, str) or not reason.strip():
            raise ValueError(f"{entry!r} needs a reason that an auditor can read")
    return dict(value)


def _public(value: object) -> dict[str, str]:
    found = _reasons(value)
    for entry in found:
        if not entry.rpartition(" ")[2].startswith("/"):
            raise ValueError(f'{entry!r} is no route; write "/path", "GET /path" or "/static/*"')
    return found


def _variables(value: object) -> dict[str, str]:
    if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
        raise ValueError('must be a table of texts, as in {DB_BACKEND = "memory"}')
    return dict(value)


def _gateway(value: object) -> dict[str, str]:
    found = _reasons(value)
    for duty in found:
        if duty not in DUTIES:
            near = difflib.get_close_matches(duty, DUTIES, 1, 0.5)
            raise ValueError(
                f"{duty!r} is no duty of a gateway"
                + (f"; did you mean {near[0]!r}?" if near else f"; known: {', '.join(DUTIES)}")
            )
    return found


_READERS: Mapping[str, Callable[[Any], Any]] = {
    "select": _texts,
    "ignore": _texts,
    "per_path_ignores": _lists,
    "exclude": _texts,
    "fail_on": lambda value: member(Severity, value),
    "min_confidence": lambda value: member(Confidence, value),
    "persona": lambda value: member(Persona, value),
    "baseline": _text,
    "target": _text,
    "environment": _variables,
    "advisories": _text,
    "public": _public,
    "authentication": _texts,
    "roles": _texts,
    "limiters": _texts,
    "gateway": _gateway,
    "rules": _texts,
}
