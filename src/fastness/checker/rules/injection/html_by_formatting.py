"""
## What it looks for
An HTML answer whose text is put together from data without escaping.

## Why it matters
A name such as `<script>...</script>` runs in the browser of everybody who opens the page, with their session.

## Bad
    from fastapi import FastAPI
    from fastapi.responses import HTMLResponse

    app = FastAPI()

    @app.get("/hello", response_class=HTMLResponse)
    def hello(name: str) -> str:
        return f"<h1>Hello {name}</h1>"

## Good
    from html import escape
    from fastapi import FastAPI
    from fastapi.responses import HTMLResponse

    from fastness import secure

    app = FastAPI()
    secure(app)

    @app.get("/hello", response_class=HTMLResponse)
    def hello(name: str) -> str:
        return f"<h1>Hello {escape(name)}</h1>"

## How it is found
Everything that is answered as `text/html` is followed back to its pieces, through names, loops, `join`, `format` and the
project's own functions. A piece counts when it is text of the request, or comes out of a store: a row, a document, the
name of a file. Numbers, enums, dates, constants, settings and what passed `escape`, a sanitizer or a template do not.

## What it cannot see
Pieces whose origin is code outside the project, and HTML that a script in the page puts together.

## How to tell the checker
`# fastness: ignore[FN311] the reason` on the line of the text.

## References
OWASP API8:2023, ASVS 1.2.1, CWE-79.
"""

from __future__ import annotations

from collections.abc import Iterator

from fastness.checker.evidence.pages import ESCAPES, markup, pages
from fastness.checker.evidence.pieces import Piece, pieces
from fastness.checker.evidence.project import Project
from fastness.checker.finding import Confidence, Finding, Severity
from fastness.checker.rule import Rule


class HtmlByFormatting(Rule):
    """HTML put together from data."""

    id, name, control, severity = "FN311", "html-by-formatting", "fields", Severity.HIGH
    owasp, asvs, cwe, guide = ("API8:2023",), ("1.2.1",), (79,), (3,)
    why = "script in the data runs in the browsers of those who open the page"
    fix = "render it with a template that escapes, or escape each piece: html.escape(name)"

    def read(self, project: Project) -> Iterator[Finding]:
        for page in pages(project):
            parts = list(pieces(project, page.scope, page.expr, ESCAPES))
            if not parts or not markup(project, page.scope, page.expr):
                continue
            asked = [p for p in parts if p.asked(ESCAPES)]
            stored = [p for p in parts if not p.asked(ESCAPES) and p.stored(ESCAPES)]
            if asked or stored:
                yield self.found(
                    project.place(page.scope, page.expr),
                    _said(asked, stored),
                    subject=project.code(page.scope, page.expr),
                    confidence=Confidence.HIGH if asked else Confidence.MEDIUM,
                )


def _said(asked: list[Piece], stored: list[Piece]) -> str:
    if asked:
        names = ", ".join(sorted({s.name for p in asked for s in p.asked(ESCAPES)}))
        return f"the request's {names} is put into HTML unescaped"
    return f"stored text is put into HTML unescaped: {', '.join(sorted({p.code for p in stored}))[:80]}"
