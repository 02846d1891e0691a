"""
## What it looks for
A template engine that does not escape, `|safe` in a template, `Markup(...)` around data.

## Why it matters
What a user stored as a name or a description runs as script in the browsers of others.

## Bad
    from fastapi import FastAPI
    from fastapi.responses import HTMLResponse
    from jinja2 import Environment, FileSystemLoader

    app = FastAPI()
    pages = Environment(loader=FileSystemLoader("templates"), autoescape=False)

    @app.get("/hello", response_class=HTMLResponse)
    def hello(name: str) -> str:
        return pages.get_template("hello.html").render(name=name)

## Good
    from fastapi import FastAPI
    from fastapi.responses import HTMLResponse
    from jinja2 import Environment, FileSystemLoader, select_autoescape

    from fastness import secure

    app = FastAPI()
    secure(app)
    pages = Environment(loader=FileSystemLoader("templates"), autoescape=select_autoescape())

    @app.get("/hello", response_class=HTMLResponse)
    def hello(name: str) -> str:
        return pages.get_template("hello.html").render(name=name)

## How it is found
Jinja2 environments that make HTML (their templates end in `.html`, or stand in a folder of such) without `autoescape`, which
is off by default. Templates are read too: `{{ x | safe }}` and `{% autoescape false %}` count unless the value is a constant
or a setting of the program, or passed a sanitizer or `tojson`; where the render call is found, the value is followed.
`Markup(...)` counts where text of the request or out of a store is put together inside it.

## What it cannot see
Templates of mails are reported to pedantic readers, because some of them are plain text.

## How to tell the checker
`# fastness: ignore[FN312] the reason` on the line.

## References
OWASP API8:2023, ASVS 1.2.1, 1.3.1, CWE-79, CWE-116.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from fastness.checker.evidence.functions import Call
from fastness.checker.evidence.pages import ESCAPES
from fastness.checker.evidence.pieces import Piece, pieces
from fastness.checker.evidence.project import Project
from fastness.checker.evidence.templates import Printed
from fastness.checker.finding import Confidence, Finding, Persona, Severity
from fastness.checker.rule import Rule

_CLEAN = re.compile(
    r"tojson|sanitize|bleach|nh3|clean|escape|super\(\)|caller\(|csrf|url_for|\b_\(|gettext|form\.|\.hidden_tag|markdown|include_raw|static|icon|svg|css|font|color|colour|theme|style|nonce|asset|swagger|(?<![a-z])graph|chart|script_tag|json|schema|config|^['\"\d]",
    re.IGNORECASE,
)
_MAIL = re.compile(r"mail|letter|notification|\.txt", re.IGNORECASE)
_ROOT = re.compile(r"^\s*([A-Za-z_]\w*)")
_RENDERS = ("TemplateResponse", "render", "render_async", "render_template")
_PAGE = (".html", ".htm", ".xhtml", ".svg", ".html.j2", ".html.jinja", ".html.jinja2", ".jinja2.html")


class UnescapedTemplate(Rule):
    """Templates without escaping."""

    id, name, control, severity = "FN312", "unescaped-template", "fields", Severity.HIGH
    owasp, asvs, cwe, guide = ("API8:2023",), ("1.2.1", "1.3.1"), (79, 116), (3,)
    why = "script in the data runs in the browsers of those who open the page"
    fix = "turn autoescape on and take |safe away; sanitize HTML that users may write: nh3.clean(text)"

    def read(self, project: Project) -> Iterator[Finding]:
        yield from self._environments(project)
        yield from self._markup(project)
        yield from self._templates(project)

    def _environments(self, project: Project) -> Iterator[Finding]:
        for call in project.calls("jinja2.Environment", "Jinja2Templates"):
            value = call.value("autoescape")
            templates = call.name.endswith("Jinja2Templates")
            off = value.constant is False if call.has("autoescape") else not templates and not call.spread
            if off and (templates or _makes_pages(project, call)):
                yield self.found(call.place, "this template engine does not escape", subject=call.code)

    def _markup(self, project: Project) -> Iterator[Finding]:
        for call in project.calls("markupsafe.Markup", "jinja2.Markup", "Markup"):
            if call.target is not None or not call.node.args:
                continue
            bad = [
                p for p in pieces(project, call.scope, call.arg(0), ESCAPES) if p.asked(ESCAPES) or p.stored(ESCAPES)
            ]
            if bad:
                yield self.found(call.place, f"Markup trusts {bad[0].code}", subject=call.code)

    def _templates(self, project: Project) -> Iterator[Finding]:
        given = _given(project) if any(p.safe for p in project.templates.printed()) else {}
        for printed in project.templates.printed():
            root = _ROOT.match(printed.expression)
            if (
                not printed.safe
                or root is None
                or _CLEAN.search(printed.expression.split("|", 1)[0])
                or _CLEAN.search(_filters(printed))
            ):
                continue
            known = given.get((printed.place.path.rpartition("/")[2], root[1]), [])
            if known and all(not (p.asked(ESCAPES) or p.stored(ESCAPES) or _outside(p)) for p in known):
                continue
            yield self.found(
                printed.place,
                f"{printed.expression[:60]} is printed without escaping",
                subject=printed.expression,
                confidence=Confidence.HIGH if known else Confidence.MEDIUM,
                persona=Persona.PEDANTIC if _MAIL.search(printed.place.path) else Persona.REGULAR,
            )


def _filters(printed: Printed) -> str:
    return printed.expression.partition("|")[2].replace("safe", "")


def _outside(piece: Piece) -> bool:
    """Whether a value comes from a call, of a request's text too, or a dependency, whose text nobody can see."""
    return any(
        (s.kind in {"call", "dependency", "parameter"} or (s.kind == "request" and s.through))
        and not s.harmless
        and not s.passed(*ESCAPES)
        for s in piece.sources
    )


def _given(project: Project) -> dict[tuple[str, str], list[Piece]]:
    """What the code hands to templates: file name and variable to the values."""
    found: dict[tuple[str, str], list[Piece]] = {}
    for call in project.calls(*_RENDERS):
        texts = [project.value(call.scope, a).text for a in (*call.positional, *call.keywords.values())]
        names = [t.rpartition("/")[2] for t in texts if t.endswith(_PAGE)] or _loaded(project, call)
        items = dict(call.keywords)
        for argument in (*call.positional, *call.keywords.values()):
            items |= project.dict_items(call.scope, argument)
        for name in names:
            for key, value in items.items():
                found.setdefault((name, key), []).append(Piece(project, call.scope, value))
    return found


def _loaded(project: Project, call: Call) -> list[str]:
    """`environment.get_template("page.html").render(...)`."""
    receiver = call.receiver
    if isinstance(receiver, ast.Call) and receiver.args:
        text = project.value(call.scope, receiver.args[0]).text
        return [text.rpartition("/")[2]] if text.endswith(_PAGE) else []
    return []


def _makes_pages(project: Project, call: Call) -> bool:
    """Whether the environment's templates are pages: by the names that are loaded, or by its folder."""
    module = call.module
    for scope in module.scope.within():
        for node in scope.calls:
            func = node.func
            loads = isinstance(func, ast.Attribute) and func.attr in {"get_template", "select_template"} and node.args
            if loads and project.value(scope, node.args[0]).text.endswith(_PAGE):
                return True
    loader = call.arg("loader", 0)
    if isinstance(loader, ast.Call) and loader.args:
        folder = project.value(call.scope, loader.args[-1]).text.strip("./")
        inside = [p for p in project.templates.paths if folder and f"{folder}/" in f"/{p}"]
        return bool(inside) and all(p.endswith(_PAGE) for p in inside)
    return False
