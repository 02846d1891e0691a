"""Versions and ranges of PEP 440, and Poetry's two shorthands, with the standard library alone."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import total_ordering
from typing import Any

_VERSION = re.compile(
    r"""\A\s*v?(?:(?P<epoch>\d+)!)?(?P<release>\d[\d.]*)
    (?:[-_.]?(?P<stage>a|b|c|rc|alpha|beta|pre|preview)[-_.]?(?P<stage_number>\d*))?
    (?P<post>-(?P<implicit>\d+)|[-_.]?(?:post|rev|r)[-_.]?(?P<post_number>\d*))?
    (?P<dev>[-_.]?dev[-_.]?(?P<dev_number>\d*))?
    (?:\+(?P<local>[a-z0-9][a-z0-9._-]*))?\s*\Z""",
    re.VERBOSE | re.IGNORECASE,
)
_STAGES = {"a": 0, "alpha": 0, "b": 1, "beta": 1, "c": 2, "rc": 2, "pre": 2, "preview": 2}
_CLAUSE = re.compile(r"\A(===|==|!=|~=|<=|>=|<|>|\^|~)?\s*(\S+)\Z")
_LAST = (9,)


class NoVersionError(ValueError):
    """The text is no version, or no range."""


@total_ordering
@dataclass(frozen=True, slots=True, eq=False)
class Version:
    """One version, ordered as PEP 440 orders them."""

    text: str
    release: tuple[int, ...]
    key: tuple[Any, ...]
    early: bool
    """An alpha, beta, candidate or development release."""

    @classmethod
    def of(cls, text: str) -> Version:
        """The version that a text says.

        Raises:
            NoVersionError: it says none.
        """
        found = _VERSION.match(text)
        if found is None or not _well_parted(found):
            raise NoVersionError(f"{text[:40]!r} is no version")
        release = tuple(int(part) for part in found["release"].removesuffix(".").split("."))
        stripped = release
        while len(stripped) > 1 and stripped[-1] == 0:
            stripped = stripped[:-1]
        stage = (_STAGES[found["stage"].lower()], int(found["stage_number"] or 0)) if found["stage"] else None
        post = int(found["implicit"] or found["post_number"] or 0) if found["post"] else None
        dev = int(found["dev_number"] or 0) if found["dev"] else None
        # A development release of nothing else comes before its alphas, a final release after its candidates.
        first = stage or ((-1, 0) if dev is not None and post is None else _LAST)
        local = tuple((1, int(p), "") if p.isdigit() else (0, 0, p) for p in re.split(r"[-_.]", (found["local"] or "").lower()) if p)  # fmt: skip
        key = (
            int(found["epoch"] or 0), stripped, first, -1 if post is None else post,
            float("inf") if dev is None else dev, local,
        )  # fmt: skip
        return cls(text.strip(), release, key, early=stage is not None or dev is not None)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Version) and self.key == other.key

    def __lt__(self, other: Version) -> bool:
        return self.key < other.key

    def __hash__(self) -> int:
        return hash(self.key)

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Clause:
    """One part of a range."""

    operator: str
    version: Version
    wild: bool = False
    """`==1.2.*`"""

    def admits(self, version: Version) -> bool:
        """Whether this part lets a version through. Local parts count only where the range has one."""
        bare, mine = _without_local(version, self.version), self.version
        match self.operator:
            case "===":
                return version.text.lower() == mine.text.lower()
            case "==":
                return _starts(bare, mine, mine.release) if self.wild else bare == mine
            case "!=":
                return not (_starts(bare, mine, mine.release) if self.wild else bare == mine)
            case ">=":
                return bare >= mine
            case "<=":
                return bare <= mine
            case ">":
                # PEP 440: `>1` does not mean the post-releases of 1.
                later = version.key[3] >= 0 and mine.key[3] < 0 and _same_release(version, mine)
                return bare > mine and not later
            case "<":
                return _below(version, mine)
            case "~=":
                return bare >= mine and _starts(bare, mine, mine.release[:-1])
            case _:
                return bare >= mine and _below(version, Version.of(self.ceiling))

    @property
    def ceiling(self) -> str:
        """The first version above a `~=`, `^` or `~` part, or above `==1.2.*`; empty for the other operators."""
        release = list(self.version.release)
        match self.operator:
            case "~=":
                kept = release[:-1]
            case "^":
                kept = release[: next((n for n, part in enumerate(release, start=1) if part), len(release))]
            case "~":
                kept = release[:2]
            case "==" if self.wild:
                kept = release
            case _:
                return ""
        return ".".join(map(str, [*kept[:-1], kept[-1] + 1])) if kept else ""


@dataclass(frozen=True, slots=True)
class Range:
    """All parts of a range; no part admits everything."""

    text: str
    clauses: tuple[Clause, ...] = ()

    @classmethod
    def of(cls, text: str) -> Range:
        """The range that a text says: `>=1,<2`, `==1.2.*`, `~=1.4`, `^1.2`.

        Raises:
            NoVersionError: a part of it is none.
        """
        clauses = []
        for part in text.strip().strip("()").split(","):
            if not part.strip() or part.strip() in {"*", "latest"}:
                continue
            found = _CLAUSE.match(part.strip())
            if found is None:
                raise NoVersionError(f"{part[:40]!r} is no range")
            wild = found[2].endswith(".*")
            clauses.append(Clause(found[1] or "==", Version.of(found[2].removesuffix(".*")), wild))
        return cls(text.strip(), tuple(clauses))

    def admits(self, version: Version) -> bool:
        """Whether every part lets a version through."""
        return all(clause.admits(version) for clause in self.clauses)

    @property
    def pin(self) -> Version | None:
        """The only version that it admits, where `==` says so."""
        pins = [c.version for c in self.clauses if c.operator in {"==", "==="} and not c.wild]
        return pins[0] if pins else None


def _without_local(version: Version, other: Version) -> Version:
    return version if other.key[-1] or not version.key[-1] else Version.of(version.text.split("+")[0])


def _starts(version: Version, other: Version, prefix: tuple[int, ...]) -> bool:
    same_epoch = version.key[0] == other.key[0]
    return same_epoch and (*version.release, *(0 for _ in prefix))[: len(prefix)] == prefix


def _same_release(one: Version, other: Version) -> bool:
    return one.key[:2] == other.key[:2]


def _below(version: Version, ceiling: Version) -> bool:
    # PEP 440: `<2` does not mean the candidates of 2.
    return version < ceiling and not (version.early and not ceiling.early and _same_release(version, ceiling))


def _well_parted(found: re.Match[str]) -> bool:
    """Whether every dot and dash of a version has something on both sides.

    The pattern itself does not ask: a repeat inside a repeat is what makes patterns run on.
    """
    release, local = found["release"], found["local"] or "0"
    if release.endswith("."):
        # The dot is the one before `post` or `rc`; nothing else may stand between.
        named = found["stage"] or found["dev"] or (found["post"] and not found["implicit"])
        if not named or found.string[found.end("release") :].startswith(("-", "_", "+")):
            return False
    return "" not in release.removesuffix(".").split(".") and "" not in re.split(r"[-_.]", local)
