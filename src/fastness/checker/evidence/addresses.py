"""Calls into other services, and which part of their address the data decides."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fastness.checker.evidence.found import Parameter, Variable
from fastness.checker.evidence.scope import Scope

if TYPE_CHECKING:
    from fastness.checker.evidence.functions import Call
    from fastness.checker.evidence.project import Project

DEEP = 5
VERBS = ("get", "post", "put", "patch", "delete", "head", "options", "request", "send", "stream", "ws_connect")
_MODULES = re.compile(r"^(requests|httpx2?|aiohttp|urllib3|httpcore|niquests|curl_cffi)(\.|$)")
_CLIENTS = (
    "httpx.AsyncClient",
    "httpx.Client",
    "aiohttp.ClientSession",
    "requests.Session",
    "requests.sessions.Session",
    "urllib3.PoolManager",
)
_HOST = re.compile(r"^\s*[a-zA-Z][a-zA-Z0-9+.-]*://[^/{}?#\s]+[/?#]|^\s*/(?!/)")


@dataclass(frozen=True, slots=True, eq=False)
class Outbound:
    """One call of another service."""

    call: Call
    url: ast.expr
    library: str
    """`httpx`, `requests`, ..."""


def outbound(project: Project) -> tuple[Outbound, ...]:
    """Every call of another service; `project.once(outbound)`."""
    return tuple(_found(project))


def _found(project: Project) -> Iterator[Outbound]:
    for call in project.calls(*VERBS):
        library = _library(call)
        if not library:
            continue
        last = call.name.rpartition(".")[2]
        url = call.arg("url", 1 if last in {"request", "stream"} else 0)
        if url is not None:
            yield Outbound(call, url, library)
    for call in project.calls("urlopen", "urlretrieve", "urllib.request.Request", "websockets.connect"):
        url = call.arg("url", "uri", 0)
        if url is not None and call.target is None:
            yield Outbound(call, url, "urllib" if "url" in call.name else "websockets")


def _library(call: Call) -> str:
    found = _MODULES.match(call.name)
    if found is not None:
        return found[1]
    if call.target is not None or call.receiver is None:
        return ""
    kind = call.project.names.kind(call.scope, call.receiver)
    if kind is not None and call.project.names.is_a(kind, *_CLIENTS):
        return next(c for c in _CLIENTS if call.project.names.is_a(kind, c)).partition(".")[0]
    return ""


def deciding(project: Project, scope: Scope, expr: ast.expr, deep: int = 0) -> Iterator[tuple[Scope, ast.expr]]:
    """The expressions that decide the host of an address: none where the code writes scheme and host itself.

    `f"https://api.example.com/{name}"` is decided by nobody; `f"https://{host}/"` by `host`; `url` by `url`.
    """
    if deep > DEEP:
        return
    match expr:
        case ast.JoinedStr(values=parts):
            yield from _first(
                project, scope, [p.value if isinstance(p, ast.FormattedValue) else p for p in parts], deep
            )
        case ast.BinOp(op=ast.Add()):
            yield from _first(project, scope, _sides(expr), deep)
        case ast.BinOp(op=ast.Div(), left=left):
            yield from deciding(project, scope, left, deep + 1)
        case ast.Call(func=ast.Attribute(value=base, attr="format"), args=args):
            text = project.value(scope, base).text
            if text and not _HOST.match(text.replace("{}", "{x}")):
                yield from ((scope, a) for a in args[:1])
        case ast.Call(func=func, args=[first, *_]) if _word(func) in {
            "str",
            "URL",
            "urljoin",
            "AnyHttpUrl",
            "HttpUrl",
            "Request",
        }:
            yield from deciding(project, scope, first, deep + 1)
        case ast.BoolOp(values=values):
            for value in values:
                yield from deciding(project, scope, value, deep + 1)
        case ast.IfExp(body=body, orelse=orelse):
            yield from deciding(project, scope, body, deep + 1)
            yield from deciding(project, scope, orelse, deep + 1)
        case ast.Name():
            found = project.names.lookup(scope, expr.id)
            if isinstance(found, Parameter) and not project.flow.entry(found.scope):
                yield from _handed(project, found, expr, deep)
                return
            given = [a.value for a in found.assignments if a.value is not None] if isinstance(found, Variable) else []
            if isinstance(found, Variable) and given and all(a.how == "plain" for a in found.assignments):
                for value in given:
                    yield from deciding(project, found.scope, value, deep + 1)
            else:
                yield scope, expr
        case _:
            if not project.value(scope, expr).known:
                yield scope, expr


def _handed(project: Project, found: Parameter, expr: ast.Name, deep: int) -> Iterator[tuple[Scope, ast.expr]]:
    """What the callers of a function give for one of its parameters."""
    function = project.function_of(found.scope)
    names = [a.arg for a in function.parameters]
    given = [
        (call.scope, value)
        for call in project.flow.callers(found.scope)
        if (value := call.arg(expr.id, names.index(expr.id) if expr.id in names else expr.id)) is not None
    ]
    for scope, value in given:
        yield from deciding(project, scope, value, deep + 1)


def _first(project: Project, scope: Scope, parts: list[ast.expr], deep: int) -> Iterator[tuple[Scope, ast.expr]]:
    """Parts of a text in order: they decide until the constant text in front holds a whole host."""
    text = ""
    for part in parts:
        known = project.value(scope, part)
        if isinstance(known.constant, str):
            text += known.constant
        elif known.configured:
            text += "https://configured/"
        else:
            if _HOST.match(text):
                return
            if isinstance(part, (ast.Name, ast.JoinedStr, ast.BinOp)):
                yield from deciding(project, scope, part, deep + 1)
            else:
                yield scope, part
            if not re.fullmatch(r"\s*([a-zA-Z][a-zA-Z0-9+.-]*://)?\S*[^/?#]?", text) or not text:
                return  # the first part is the whole address; what follows is its path
            text += "x"


def _sides(expr: ast.expr) -> list[ast.expr]:
    if isinstance(expr, ast.BinOp) and isinstance(expr.op, ast.Add):
        return [*_sides(expr.left), *_sides(expr.right)]
    return [expr]


def _word(func: ast.expr) -> str:
    return func.attr if isinstance(func, ast.Attribute) else getattr(func, "id", "")
