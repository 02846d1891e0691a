"""Python files of the checked folder, each read and parsed once.

`ast` reads a file first; what it refuses goes through `newer` (syntax of a later Python) and `templated` (files of a
project template with Jinja marks); what all refuse is in `Sources.unread`, never dropped.
"""

from __future__ import annotations

import ast
import gc
import os
import re
import sys
import tokenize
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Literal

from fastness.checker.evidence import newer, templated
from fastness.checker.evidence.scope import Scope
from fastness.checker.finding import Place

Kind = Literal["code", "test", "migration", "example", "script"]
"""Tests, migrations, examples and maintenance scripts are known places: most rules look at `code` alone."""

SKIPPED = frozenset({
    ".git", ".hg", ".svn", ".venv", "venv", "env", ".tox", ".nox", "node_modules", "__pycache__", ".mypy_cache",
    ".ruff_cache", ".pytest_cache", "site-packages", "build", "dist", ".eggs", ".idea", ".vscode",
})  # fmt: skip
LARGEST = 5_000_000
"""Bytes. A larger Python file is generated data, and is reported as unread."""
DEEPEST = 40
ASKED = 200
"""Files that are asked by which name their own package goes."""
PARSING, RECURSION = 1_000, 30_000
MOST_LINES = 8
"""Lines of a node that are quoted."""
_KINDS: tuple[tuple[re.Pattern[str], Kind], ...] = (
    (
        re.compile(
            r"(^|/)(tests?|testing|e2e|integration_tests?|unit_tests?)/|(^|/)(test_[^/]*|[^/]*_tests?|conftest)\.py$"
        ),
        "test",
    ),
    (re.compile(r"(^|/)(alembic|migrations?|versions)/"), "migration"),
    (
        re.compile(
            r"(^|/)(examples?|samples?|docs|docs_src|tutorials?|demos?|[\w-]*benchmarks?|bench|benches|load_?tests?|locust)/"
        ),
        "example",
    ),
    (re.compile(r"(^|/)(scripts?|tools|bin|hack|ci|\.github)/|(^|/)(setup|noxfile|fabfile|tasks)\.py$"), "script"),
)


@dataclass(slots=True, eq=False)
class Module:
    """One parsed file."""

    path: str
    """Relative to the checked folder, with forward slashes."""
    name: str
    """Dotted, from the checked folder: `backend.app.main`."""
    text: str
    tree: ast.Module
    kind: Kind
    scope: Scope
    rewritten: bool = False
    """Parsed after `newer` or `templated` changed its text; lines are true, columns may not be."""
    _lines: list[str] | None = None

    @property
    def package(self) -> bool:
        """Whether it is an `__init__.py`."""
        return self.path.endswith("__init__.py")

    def place(self, node: ast.AST) -> Place:
        """The lines of `node`; for a function or class with decorators, from the first decorator on."""
        line: int = getattr(node, "lineno", 1)
        end: int = getattr(node, "end_lineno", None) or line
        column: int = getattr(node, "col_offset", -1) + 1
        decorators: list[ast.expr] = getattr(node, "decorator_list", [])
        if decorators:
            line = min(line, decorators[0].lineno)
        return Place(self.path, line, end, column)

    def code(self, node: ast.AST) -> str:
        """The text of `node` as the file has it, at most 200 characters on one line."""
        line: int | None = getattr(node, "lineno", None)
        end: int | None = getattr(node, "end_lineno", None)
        if line is None or end is None or self.rewritten:
            return " ".join(ast.unparse(node).split())[:200]
        lines = [part.encode() for part in self.lines[line - 1 : min(end, line + MOST_LINES)]]
        if lines:
            if end <= line + MOST_LINES:
                lines[-1] = lines[-1][: getattr(node, "end_col_offset", None)]
            lines[0] = lines[0][getattr(node, "col_offset", 0) :]
        return " ".join(b" ".join(lines).decode(errors="replace").split())[:200]

    @property
    def lines(self) -> list[str]:
        """The lines of the file."""
        if self._lines is None:
            self._lines = self.text.split("\n")
        return self._lines

    def line(self, number: int) -> str:
        """One line of the file, counted from 1; empty when there is none."""
        return self.lines[number - 1] if 0 < number <= len(self.lines) else ""


@dataclass(frozen=True, slots=True)
class Unread:
    """A Python file that could not be read, and why."""

    path: str
    line: int
    why: str
    template: bool = False
    """It holds Jinja marks: a file that becomes Python when somebody makes a project from it."""


@dataclass(slots=True, eq=False)
class Sources:
    """All Python files of a folder."""

    root: Path
    modules: tuple[Module, ...] = ()
    unread: tuple[Unread, ...] = ()
    others: tuple[str, ...] = field(default=())
    """Relative paths of every other file, for configuration and templates."""

    @classmethod
    def of(cls, root: Path) -> Sources:
        """Read `root`, a folder or one file. Links out of the folder are not followed."""
        modules: list[Module] = []
        unread: list[Unread] = []
        others: list[str] = []
        with at_work():
            base = root if root.is_dir() else root.parent
            outside = _outside(base)
            for path in _files(root):
                relative = path.relative_to(base).as_posix()
                if path.suffix not in {".py", ".pyw"}:
                    others.append(relative)
                    continue
                read = _module(path, relative, outside)
                if isinstance(read, Module):
                    modules.append(read)
                else:
                    unread.append(read)
        return cls(base, tuple(modules), tuple(unread), tuple(others))


@contextmanager
def at_work() -> Iterator[None]:
    """What a large project needs: no garbage collection, and room for expressions of a thousand parts.

    Millions of small objects that all stay would be walked by the collector again and again. Calls of Python functions
    take no native stack, so a higher limit is safe for walks; `ast.parse` keeps the ordinary one.
    """
    collecting, limit = gc.isenabled(), sys.getrecursionlimit()
    gc.disable()
    sys.setrecursionlimit(max(limit, RECURSION))
    try:
        yield
    finally:
        sys.setrecursionlimit(limit)
        if collecting:
            if not gc.get_freeze_count():
                # Among the old ones at once: the next collection of young objects would walk everything that was made.
                gc.freeze()
                gc.unfreeze()
            gc.enable()


def kind_of(path: str) -> Kind:
    """What a relative path says about the purpose of its file."""
    for pattern, kind in _KINDS:
        if pattern.search(path):
            return kind
    return "code"


def _files(root: Path) -> list[Path]:
    if not root.is_dir():
        return [root]
    found: list[Path] = []
    for folder, folders, names in os.walk(root):
        deep = len(Path(folder).relative_to(root).parts)
        folders[:] = sorted(n for n in folders if n not in SKIPPED and deep < DEEPEST and not _environment(folder, n))
        found.extend(Path(folder, name) for name in sorted(names) if not Path(folder, name).is_symlink())
    return found


def _environment(folder: str, name: str) -> bool:
    return Path(folder, name, "pyvenv.cfg").exists()


def _outside(folder: Path) -> str:
    """The packages around a folder that is a package itself, as a prefix, where its own files import it by that name."""
    parts: list[str] = []
    inside = folder
    while (folder / "__init__.py").exists() and folder.name.isidentifier():
        parts.insert(0, folder.name)
        folder = folder.parent
    if not parts:
        return ""
    imports = re.compile(rb"^\s*(from|import)\s+" + parts[0].encode() + rb"\b", re.MULTILINE)
    files = (path for path in _files(inside) if path.suffix == ".py")
    named = any(imports.search(path.read_bytes()) for path in islice(files, ASKED) if path.stat().st_size < LARGEST)
    return "".join(f"{part}." for part in parts) if named else ""


def _module(path: Path, relative: str, outside: str = "") -> Module | Unread:
    try:
        if path.stat().st_size > LARGEST:
            return Unread(relative, 1, f"larger than {LARGEST:,} bytes")
        with tokenize.open(path) as file:
            text = file.read()
    except (OSError, SyntaxError, UnicodeDecodeError, LookupError) as error:
        return Unread(relative, 1, f"not readable as Python text: {error}")
    tree, rewritten = _tree(text, relative)
    if isinstance(tree, Unread):
        return tree
    spelled = templated.named(relative) if "{{" in relative else relative
    name = outside + spelled.removesuffix(".py").removesuffix(".pyw").replace("/", ".")
    package = path.name == "__init__.py"
    if package:
        name = name.removesuffix("__init__").removesuffix(".")
    scope = Scope.of_module(name, tree, package=package)
    return Module(relative, name, text, tree, kind_of(relative), scope, rewritten)


def _tree(text: str, relative: str) -> tuple[ast.Module | Unread, bool]:
    refused = _parse(text)
    if isinstance(refused, ast.Module):
        return refused, False
    for rewrite in (newer.rewritten, templated.rewritten, lambda t: newer.rewritten(templated.rewritten(t) or "")):
        changed = rewrite(text)
        tree = _parse(changed) if changed else None
        if isinstance(tree, ast.Module):
            return tree, True
    line, why = refused
    return Unread(relative, line, why, template="{%" in text or "{{" in text), False


def _parse(text: str) -> ast.Module | tuple[int, str]:
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(min(limit, PARSING))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text)
    except SyntaxError as error:
        return error.lineno or 1, error.msg
    except (ValueError, RecursionError, MemoryError) as error:
        return 1, str(error) or type(error).__name__
    finally:
        sys.setrecursionlimit(limit)
