"""Files beside the Python code: environment files, Docker, compose, proxies, CI; read when somebody asks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from fastness.checker.finding import Place

LARGEST = 1_000_000
"""Bytes; larger files hold data, not configuration."""
_ASSIGNED = re.compile(r"^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_.]*)\s*=\s*(.*?)\s*$")
_EXAMPLE = re.compile(
    r"(^|[._-])(dev|devel|development|local)(\.env|$)|(example|sample|template|dist|test|ci)\b|\.(example|sample|template|dist|test|testing|tpl)$",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Setting:
    """One `NAME=value` of an environment file or Dockerfile."""

    name: str
    value: str
    """Without quotes and comments."""
    place: Place
    example: bool
    """The file's name says that it is an example, for tests or for a developer's machine."""


@dataclass(slots=True, eq=False)
class Files:
    """The files that are not Python."""

    root: Path
    paths: tuple[str, ...]
    _texts: dict[str, str] = field(default_factory=dict[str, str])

    def text(self, path: str) -> str:
        """The text of a file; empty for binary, large and unreadable ones."""
        if path not in self._texts:
            try:
                file = self.root / path
                data = b"" if file.stat().st_size > LARGEST else file.read_bytes()
                self._texts[path] = "" if b"\0" in data[:4096] else data.decode("utf-8", errors="replace")
            except OSError:
                self._texts[path] = ""
        return self._texts[path]

    def named(self, pattern: str) -> Iterator[str]:
        """Paths whose file name matches the regular expression in full."""
        wanted = re.compile(pattern, re.IGNORECASE)
        return (path for path in self.paths if wanted.fullmatch(path.rpartition("/")[2]))

    def environment(self) -> Iterator[Setting]:
        """Every setting of the environment files (`.env`, `.env.example`, `prod.env`)."""
        for path in self.named(r"\.?env(\..*|rc)?|.*\.env|\.env.*"):
            if path.endswith(
                (
                    ".sh",
                    ".bash",
                    ".py",
                    ".ts",
                    ".tsx",
                    ".js",
                    ".jsx",
                    ".mjs",
                    ".cjs",
                    ".rs",
                    ".go",
                    ".java",
                    ".kt",
                    ".md",
                )
            ):
                continue  # a script
            for number, line in enumerate(self.text(path).splitlines(), 1):
                found = _ASSIGNED.match(line)
                if found and not line.lstrip().startswith("#"):
                    value = "" if found[2].lstrip("\"'").startswith(("$(", "`", "${")) else _bare(found[2])
                    yield Setting(found[1], value, Place(path, number, number), _aside(path))

    def dockerfiles(self) -> Iterator[str]:
        """Paths of Dockerfiles."""
        return self.named(r"(.*\.)?dockerfile(\..*)?|containerfile")

    def composes(self) -> Iterator[str]:
        """Paths of compose files."""
        return self.named(r"(docker-)?compose.*\.ya?ml")

    def pipelines(self) -> Iterator[str]:
        """Paths of CI definitions."""
        return (p for p in self.paths if p.startswith(".github/workflows/") or p.endswith(".gitlab-ci.yml"))

    def proxies(self) -> Iterator[str]:
        """Paths of nginx, Caddy and Traefik configuration."""
        return self.named(r"nginx.*\.conf.*|.*\.nginx|caddyfile.*|traefik.*\.(ya?ml|toml)")

    def lines(self, path: str, pattern: str) -> Iterator[tuple[Place, re.Match[str]]]:
        """Lines of a file in which the regular expression is found."""
        wanted = re.compile(pattern)
        for number, line in enumerate(self.text(path).splitlines(), 1):
            found = wanted.search(line)
            if found:
                yield Place(path, number, number), found


def _aside(path: str) -> bool:
    folder, _, name = path.rpartition("/")
    return ".devcontainer" in folder.split("/") or _EXAMPLE.search(name) is not None


def _bare(value: str) -> str:
    if value[:1] in {'"', "'"}:
        end = value.find(value[0], 1)
        return value[1:end] if end > 0 else value[1:]
    return value.split(" #", maxsplit=1)[0].rstrip()
