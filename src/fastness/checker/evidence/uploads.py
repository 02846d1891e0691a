"""Uploads: which routes take files, how much of them is read, and where they go."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fastness.checker.evidence.effects import temporary
from fastness.checker.evidence.functions import Call, Function
from fastness.checker.evidence.model import Application, Route
from fastness.checker.evidence.uses import Held, holders
from fastness.checker.evidence.walking import walk
from fastness.checker.evidence.written import written

if TYPE_CHECKING:
    from fastness.checker.evidence.project import Project

_SIZE = re.compile(
    r"max_?(file_?|upload_?|content_?|body_?)?(size|bytes|length|mb)|size_?limit|too_?large|file_?size|content[_-]?length|413|MAX_\w*(SIZE|BYTES|LENGTH|MB)",
    re.IGNORECASE,
)
_TYPE = re.compile(
    r"content_type|mime|magic|filetype|imghdr|splitext|suffix|endswith|extension|allowed|verify_image|Image\.open|file_?type|puremagic",
    re.IGNORECASE,
)
_STORES = re.compile(
    r"(^|\.)(open|write_bytes|copyfileobj|upload_fileobj|upload_file|put_object|upload_from_file|upload_blob|upload_from_string|put|save|upload)$"
)
_PARSES = re.compile(
    r"(^|\.)(read_csv|read_excel|(PIL\.)?Image\.open|imdecode|imread|new_from_buffer|thumbnail_buffer|(resize|convert|process|compress|minify)_(image|avatar|photo)\w*|\w*to_webp|loads?|DictReader|reader|PdfReader|load_workbook|safe_load|parse)$"
)


@dataclass(frozen=True, slots=True, eq=False)
class Upload:
    """One route that takes a file."""

    route: Route
    handler: Function
    name: str
    """The parameter."""
    held: tuple[Held, ...]
    """The functions that get the file, the handler first."""

    def calls(self) -> Iterator[tuple[Held, Call]]:
        """The calls in those functions."""
        for held in self.held:
            for call in held.function.calls():
                yield held, call

    @property
    def stored(self) -> bool:
        """Whether it is kept: written to a file, a bucket, a store."""
        return any(
            _STORES.search(call.name) and not _PARSES.search(call.name) and not temporary(call)
            for _, call in self.calls()
        )

    @property
    def whole(self) -> bool:
        """Whether it is read or copied to its end."""
        for held, call in self.calls():
            last = call.name.rpartition(".")[2]
            if last == "read" and call.receiver is not None and held.touched_by(call.receiver):
                size = call.arg("size", 0)
                if size is None or call.value("size", 0).constant == -1:
                    return True
            if last in {"copyfileobj", "upload_fileobj", "put_object", "upload_from_file"} and any(
                held.touched_by(a) for a in call.positional
            ):
                return True
        return False

    @property
    def sized(self) -> bool:
        """Whether something asks how large it is."""
        return any(_said(held.function, _SIZE) or _compares_size(held) for held in self.held) or any(
            _said(f, _SIZE) for f in self.route.dependencies
        )

    @property
    def typed(self) -> bool:
        """Whether something asks what it is."""
        return any(_tests_type(held) for held in self.held) or any(_said(f, _TYPE) for f in self.route.dependencies)


def uploads(application: Application) -> Iterator[Upload]:
    """The routes of an application that take files, each handler once."""
    seen: set[int] = set()
    for route in application.routes:
        if route.kind != "http" or route.handler is None or id(route.handler.scope) in seen:
            continue
        for parameter in route.parameters:
            if parameter.source == "file" and any(a.arg == parameter.name for a in route.handler.parameters):
                seen.add(id(route.handler.scope))
                held = tuple(_all(route.handler, parameter.name))
                yield Upload(route, route.handler, parameter.name, held)
                break


def _all(handler: Function, name: str) -> Iterator[Held]:
    """The holders of the file, and of each of several files in a loop."""
    yield from holders(handler, name)
    for part in ("filename", "content_type"):
        yield from holders(handler, f"{name}.{part}")
    for loop, assignments in handler.scope.assigned.items():
        if any(a.how == "loop" and isinstance(a.value, ast.Name) and a.value.id == name for a in assignments):
            yield from holders(handler, loop)


def _said(function: Function, pattern: re.Pattern[str]) -> bool:
    return pattern.search(function.project.words(function.scope)) is not None


def _compares_size(held: Held) -> bool:
    """`len(content) > ...`, `file.size > ...`."""
    for compare in held.function.nodes(ast.Compare):
        text = written(compare)
        if re.search(r"\blen\(|\.size\b|\btell\(\)|total|received|_size\b", text) and any(
            isinstance(op, (ast.Gt, ast.GtE, ast.Lt, ast.LtE)) for op in compare.ops
        ):
            return True
    return False


def _tests_type(held: Held) -> bool:
    """Whether the function tests type, name or content against what is allowed; a list of the forbidden does not."""
    tests = [*(n.test for n in held.function.nodes(ast.If)), *(n.test for n in held.function.nodes(ast.IfExp))]
    if any(_allows(test) for test in tests):
        return True
    for call in held.function.calls():
        word = call.name.rpartition(".")[2]
        if re.search(r"valid|verify|check|allowed|guess|magic|detect|sniff", word, re.IGNORECASE) and any(
            held.touched_by(a) for a in call.positional
        ):
            return True
        if _PARSES.search(call.name) or call.name.startswith(("magic.", "filetype.", "puremagic.")):
            return True
    return False


def _allows(test: ast.expr) -> bool:
    text = written(test)
    if not re.search(r"content_type|\bext\w*|suffix|mime|filename|endswith|file_?type|format", text, re.IGNORECASE):
        return False
    blocked = re.search(r"block|forbid|denied|deny|black|dangerous|disallow|banned|executable", text, re.IGNORECASE)
    tests = any(isinstance(n, (ast.Compare, ast.Call)) for n in walk(test))
    return (
        blocked is None
        and tests
        and not re.fullmatch(r"not [\w.]*filename|[\w.]*filename( == '')?|not [\w.]+ or [\w.]+ == ''", text)
    )


def limited(application: Application, project: Project) -> bool:
    """Whether something limits every body: a control, a constructor's option, a middleware, a proxy's configuration."""
    if {"body"} & application.controls or any(key == "max_body_size" and value for key, value in application.options):
        return True
    if any(
        re.search(r"body|size|content[_-]?length|upload", m.name.rpartition(".")[2], re.IGNORECASE)
        for m in application.middleware
    ):
        return True
    return project.once(_proxied)


def _proxied(project: Project) -> bool:
    pattern = r"client_max_body_size|max_size|maxRequestBodyBytes|request_body"
    return any(True for path in project.files.proxies() for _ in project.files.lines(path, pattern))
