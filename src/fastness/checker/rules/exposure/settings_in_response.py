"""
## What it looks for
A route that returns the environment, the settings object, or what a debugger would show.

## Why it matters
They hold every secret of the service at once.

## Bad
    import os
    from fastapi import FastAPI

    app = FastAPI()

    @app.get("/about")
    def about() -> dict[str, str]:
        return dict(os.environ)

## Good
    import os
    from fastapi import FastAPI

    app = FastAPI()

    @app.get("/about")
    def about() -> dict[str, str]:
        return {"version": os.environ["APP_VERSION"]}

## How it is found
What handlers return is searched for `os.environ` as a whole, objects of settings classes and their dumps, `locals()`, `globals()`,
and single secrets of settings. Safe dumps (`include=`, chosen fields) are left alone.

## What it cannot see
Settings that pass through another object.

## How to tell the checker
`# fastness: ignore[FN509] the reason` on the line of the decorator.

## References
OWASP API8:2023, ASVS 13.4.2, CWE-497 and 526
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from fastness.checker.evidence.classes import Model
from fastness.checker.evidence.functions import Function
from fastness.checker.evidence.model import Application
from fastness.checker.evidence.scope import Scope
from fastness.checker.evidence.written import written
from fastness.checker.finding import Confidence, Finding, Persona, Severity
from fastness.checker.rule import Rule

_SECRET = re.compile(
    r"(^|_)(secret\w*|password|passwd|private_key|api_key|secret_key|jwt_secret|database_url|dsn|access_key|client_secret)$",
    re.IGNORECASE,
)
DEEP = 4
_SAFE = frozenset({"include", "exclude"})


class SettingsInResponse(Rule):
    """All secrets in one answer."""

    id, name, control, severity = "FN509", "settings-in-response", "secrets", Severity.HIGH
    owasp, asvs, cwe, guide = ("API8:2023",), ("13.4.2",), (497, 526), (9,)
    why = "one request shows every secret of the service"
    fix = "return the few values that clients need, by name"

    def inspect(self, application: Application) -> Iterator[Finding]:
        for route in application.routes:
            handler = route.handler
            if route.kind != "http" or handler is None or route.development:
                continue
            what = next((found for value in _answers(handler) if (found := _inside(handler, value))), "")
            if what:
                yield self.found(
                    route.place,
                    f"{route} returns {what}",
                    route=route,
                    subject=f"{route.name} {what}",
                    severity=Severity.MEDIUM if route.guarded("role") else Severity.HIGH,
                    confidence=Confidence.HIGH,
                    persona=Persona.PEDANTIC if route.guarded("role") else Persona.REGULAR,
                )


def _answers(handler: Function) -> Iterator[ast.expr]:
    for value in handler.returns:
        if isinstance(value, ast.Call) and written(value.func).endswith("Response"):
            yield from (*value.args, *(k.value for k in value.keywords if k.arg == "content"))
        else:
            yield value
        if isinstance(value, ast.Name):
            yield from (a.value for a in handler.assignments(value.id) if a.value is not None)


def _inside(handler: Function, expr: ast.expr, deep: int = 0) -> str:
    """What an answer shows that it must not, or nothing."""
    match expr if deep <= DEEP else None:
        case ast.Dict(values=values) | ast.List(elts=values) | ast.Tuple(elts=values):
            return next((found for value in values if (found := _inside(handler, value, deep + 1))), "")
        case ast.DictComp(generators=[generator]):
            return _inside(handler, generator.iter, deep + 1) if not generator.ifs else ""
        case ast.Call() as call:
            return _dumped(handler, call, deep)
        case ast.Attribute(attr="__dict__", value=value):
            return _inside(handler, value, deep + 1)
        case ast.Name() | ast.Attribute():
            environment = handler.project.names.dotted(handler.scope, expr) == "os.environ"
            return "the whole environment" if environment else _settings(handler, expr) or _one(handler, expr)
    return ""


def _dumped(handler: Function, call: ast.Call, deep: int) -> str:
    """A call that turns an object into an answer: `dict(x)`, `x.model_dump()`, `locals()`."""
    word = written(call.func)
    last = word.rpartition(".")[2]
    inner: ast.expr | None = None
    if any(k.arg in _SAFE for k in call.keywords):
        return ""
    if word in {"locals", "globals"}:
        return f"{word}()"
    if last in {"dict", "vars", "jsonable_encoder", "str", "repr", "asdict"} and call.args:
        inner = call.args[0]
    elif last in {"dict", "model_dump", "copy", "items", "json", "model_dump_json"} and isinstance(
        call.func, ast.Attribute
    ):
        inner = call.func.value
    return _inside(handler, inner, deep + 1) if inner is not None else _settings(handler, call)


def _settings(handler: Function, expr: ast.expr) -> str:
    """Whether it is a settings object that holds a secret which prints."""
    kind = handler.project.names.kind(handler.scope, expr)
    if not isinstance(kind, Scope) or kind.kind != "class":
        return ""
    model = handler.project.class_of(kind)
    if (
        isinstance(model, Model)
        and model.is_settings
        and any(_SECRET.search(f.name) and "Secret" not in f.annotation for f in model.fields)
    ):
        return f"all of {model.short}"
    return ""


def _one(handler: Function, expr: ast.expr) -> str:
    """A single secret of a settings object."""
    if not isinstance(expr, ast.Attribute) or not _SECRET.search(expr.attr):
        return ""
    kind = handler.project.names.kind(handler.scope, expr.value)
    model = handler.project.class_of(kind) if isinstance(kind, Scope) and kind.kind == "class" else None
    return f"the setting {expr.attr}" if isinstance(model, Model) and model.is_settings else ""
