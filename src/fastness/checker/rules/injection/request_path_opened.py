"""
## What it looks for
A file whose path holds text of the request: a query parameter, a field, the name of an upload.

## Why it matters
`../../app/settings.py` reads the secrets, and an upload called `../main.py` replaces the program.

## Bad
    import os
    from fastapi import FastAPI
    from fastapi.responses import FileResponse

    app = FastAPI()

    @app.get("/download")
    def download(name: str) -> FileResponse:
        return FileResponse(os.path.join("files", name))

## Good
    from pathlib import Path
    from fastapi import FastAPI, HTTPException
    from fastapi.responses import FileResponse

    app = FastAPI()
    FOLDER = Path("files").resolve()

    @app.get("/download")
    def download(name: str) -> FileResponse:
        path = (FOLDER / name).resolve()
        if not path.is_relative_to(FOLDER):
            raise HTTPException(404)
        return FileResponse(path)

## How it is found
The path of every `open`, `Path` method, `FileResponse`, copy and removal is followed back to the request. A base name
(`Path(name).name`, `os.path.basename`, `secure_filename`), a name that the program makes, a test (`is_relative_to`,
`commonpath`, a pattern, a list) and a typed value make it harmless. A plain path parameter (`/files/{name}`) cannot hold a
slash and is reported to pedantic readers only; `{name:path}` can.

## What it cannot see
Paths that were stored before they are opened.

## How to tell the checker
`# fastness: ignore[FN313] the reason` on the line that opens the file.

## References
OWASP API8:2023, ASVS 5.3.2, CWE-22.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from fastness.checker.evidence.found import Variable
from fastness.checker.evidence.functions import Call
from fastness.checker.evidence.origin import Source
from fastness.checker.evidence.pieces import Piece, pieces
from fastness.checker.evidence.project import Project
from fastness.checker.evidence.scope import Scope
from fastness.checker.evidence.verified import verified
from fastness.checker.finding import Confidence, Finding, Persona, Place, Severity
from fastness.checker.rule import Rule

_FIRST = (
    "open", "FileResponse", "os.remove", "os.unlink", "os.rename", "os.replace", "os.makedirs", "os.mkdir", "shutil.rmtree",
    "shutil.copy", "shutil.copyfile", "shutil.move", "os.listdir", "os.rmdir", "aiofiles.open", "anyio.open_file", "os.scandir",
    "send_from_directory",
)  # fmt: skip
DEEP = 6
_METHODS = frozenset({
    "read_text", "read_bytes", "write_text", "write_bytes", "unlink", "open", "rmdir", "iterdir", "rename", "mkdir", "touch",
})  # fmt: skip
CLEANED = frozenset({
    "basename", "secure_filename", "uuid4", "hexdigest", "sanitize_filename", "slugify", "safe_join", "is_relative_to",
    "get_valid_filename", "quote", "token_hex", "token_urlsafe", "quote_plus", "safe_filename", "clean_filename", "sub",
})  # fmt: skip
_GUARDS = re.compile(
    r"(is_relative_to|commonpath|commonprefix|relative_to|safe_join|secure_filename|is_path_\w+|_(inside|within)\w*|is_safe\w*"
    r"|(validate|check|safe|secure|sanitize|verify|ensure)\w*(path|file_?name)s?)$"
)


class RequestPathOpened(Rule):
    """The caller chooses which file is opened."""

    id, name, control, severity = "FN313", "request-path-opened", "uploads", Severity.HIGH
    owasp, asvs, cwe = ("API8:2023",), ("5.3.2",), (22,)
    why = "the caller reads or replaces files outside the folder"
    fix = "make the name yourself, or resolve the path and test path.is_relative_to(FOLDER)"

    def read(self, project: Project) -> Iterator[Finding]:
        seen: set[Place] = set()
        for call, path in _opened(project):
            asked, bare = self._asked(project, call.scope, path)
            place = project.place(call.scope, call.node)
            if not (asked or bare) or place in seen or _guarded(project, call):
                continue
            seen.add(place)
            names = ", ".join(sorted({s.name for s in (asked or bare)}))
            yield self.found(
                place,
                f"the request's {names} decides which file is opened",
                subject=call.code,
                confidence=Confidence.HIGH if asked else Confidence.LOW,
                persona=Persona.REGULAR if asked else Persona.PEDANTIC,
            )

    @staticmethod
    def _asked(project: Project, scope: Scope, path: ast.expr) -> tuple[list[Source], list[Source]]:
        """The sources that can leave the folder, and those that are one segment of the address."""
        asked: list[Source] = []
        bare: list[Source] = []
        for piece in _parts(project, scope, path):
            for source in piece.asked(CLEANED):
                if _named(piece, source) or verified(project, piece.scope, piece.expr):
                    continue
                (bare if _segment(project, source) else asked).append(source)
        return asked, bare


def _opened(project: Project) -> Iterator[tuple[Call, ast.expr]]:
    for call in project.calls(*_FIRST):
        path = call.arg("path", "file", "src", 0)
        receiver = call.receiver
        plain = receiver is None or (
            isinstance(receiver, ast.Name) and receiver.id in {"os", "shutil", "aiofiles", "anyio", "io"}
        )
        if path is not None and (plain or call.name.endswith("FileResponse")) and call.target is None:
            yield call, path
            target = call.arg("dst", 1) if call.name.startswith(("shutil.", "os.re")) else None
            if target is not None:
                yield call, target
    for call in project.calls(*_METHODS):
        receiver = call.receiver
        if receiver is not None and call.target is None and _is_path(project, call.scope, receiver):
            yield call, receiver


def _is_path(project: Project, scope: Scope, expr: ast.expr) -> bool:
    kind = project.names.kind(scope, expr)
    if kind is not None and project.names.is_a(kind, "pathlib.Path", "Path", "anyio.Path"):
        return True
    values = [a.value for a in scope.assigned.get(expr.id, [])] if isinstance(expr, ast.Name) else [expr]
    return any(value is not None and (_joined(value) or (kind is None and _divided(value))) for value in values)


def _divided(expr: ast.expr) -> bool:
    return isinstance(expr, ast.BinOp) and isinstance(expr.op, ast.Div)


def _joined(expr: ast.expr) -> bool:
    return isinstance(expr, ast.Call) and _word(expr.func) == "joinpath"


def _parts(project: Project, scope: Scope, path: ast.expr, deep: int = 0) -> Iterator[Piece]:
    """The pieces of a path: `a / b`, `os.path.join(a, b)`, `Path(a, b)`, a text put together."""
    if deep > DEEP:
        return
    match path:
        case ast.BinOp(op=ast.Div(), left=left, right=right):
            for side in (left, right):
                yield from _parts(project, scope, side, deep + 1)
        case ast.Call(func=func, args=args) if _word(func) in {
            "join",
            "Path",
            "PurePath",
            "joinpath",
            "resolve",
            "absolute",
            "expanduser",
            "with_suffix",
        }:
            base = (
                [func.value]
                if isinstance(func, ast.Attribute) and _word(func) not in {"join", "Path", "PurePath"}
                else []
            )
            for part in (*base, *args):
                yield from _parts(project, scope, part, deep + 1)
        case ast.Name(id=name) if name in scope.assigned and all(a.how == "plain" for a in scope.assigned[name]):
            for assignment in scope.assigned[name]:
                if assignment.value is not None:
                    yield from _parts(project, scope, assignment.value, deep + 1)
        case _:
            yield from pieces(project, scope, path, CLEANED)


def _named(piece: Piece, source: Source) -> bool:
    """Whether a piece holds no path of the caller's: `Path(name).name`, an extension, what another object made of it."""
    expr: ast.expr | None = piece.expr
    if source.passed("splitext", "split", "rsplit", "partition", "rpartition"):
        return True
    if isinstance(expr, ast.Name):
        found = piece.project.names.lookup(piece.scope, expr.id)
        expr = found.last.value if isinstance(found, Variable) else None
    if not isinstance(expr, ast.Attribute):
        return False
    return expr.attr != "filename" and not source.name.endswith(f".{expr.attr}")


def _segment(project: Project, source: Source) -> bool:
    """Whether a source is a path parameter without the `path` converter."""
    for _, route in project.routes():
        if route.handler is None or source.place is None:
            continue
        inside = (
            route.handler.place.path == source.place.path
            and route.handler.place.line <= source.place.line <= route.handler.place.end_line
        )
        if inside and re.search(r"\{" + re.escape(source.name) + r"\}", route.path):
            return True
    return False


def _guarded(project: Project, call: Call) -> bool:
    """Whether the function, or one that it calls, tests where the path leads."""
    function = call.function
    if function is None:
        return False
    for one in function.reaches(1):
        for inner in one.calls():
            if _GUARDS.search(inner.name) or (inner.name.rpartition(".")[2] == "startswith" and _resolves(one.calls())):
                return True
    del project
    return False


def _resolves(calls: Iterator[Call]) -> bool:
    return any(c.name.rpartition(".")[2] in {"resolve", "realpath", "abspath"} for c in calls)


def _word(func: ast.expr) -> str:
    return func.attr if isinstance(func, ast.Attribute) else getattr(func, "id", "")
