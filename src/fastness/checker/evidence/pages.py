"""HTML that the program makes itself: what it answers as `text/html`, and the text of it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fastness.checker.evidence.entries import ROUTE_WORDS
from fastness.checker.evidence.found import Variable
from fastness.checker.evidence.scope import Scope
from fastness.checker.evidence.walking import walk

if TYPE_CHECKING:
    from fastness.checker.evidence.functions import Function
    from fastness.checker.evidence.project import Project

ESCAPES = frozenset({
    "escape", "html_escape", "escape_html", "conditional_escape", "clean", "sanitize", "sanitize_html", "quote", "quoteattr",
    "quote_plus", "urlencode", "bleach_clean", "render", "render_template", "tojson", "htmlsafe_json_dumps", "to_html",
    "linkify", "render_async", "url_for", "url_path_for", "escape_xml", "esc", "h", "hexdigest", "isoformat", "strftime",
})  # fmt: skip
"""Functions after which text is harmless in HTML, or is HTML on purpose."""
_HTML = "starlette.responses.HTMLResponse"
_TAG = re.compile(r"<\s*/?\s*[a-zA-Z!][^<>]*")
DEEP = 6


@dataclass(frozen=True, slots=True, eq=False)
class Page:
    """One expression that is sent as HTML."""

    scope: Scope
    expr: ast.expr


def pages(project: Project) -> Iterator[Page]:
    """Every answer that a browser renders."""
    for call in project.calls("HTMLResponse", "Response", "StreamingResponse"):
        content = call.arg("content", 0)
        if content is None:
            continue
        kind = call.value("media_type", 3).text
        if call.is_a(_HTML) or "html" in kind or "svg" in kind:
            yield Page(call.scope, content)
    for function in project.functions():
        if _answers_html(project, function):
            for value in function.returns:
                if not (
                    isinstance(value, ast.Call)
                    and project.names.dotted(function.scope, value.func).endswith("Response")
                ):
                    yield Page(function.scope, value)


def _answers_html(project: Project, function: Function) -> bool:
    outside = function.scope.parent or function.scope
    for _, expr in function.decorators:
        if isinstance(expr, ast.Call) and isinstance(expr.func, ast.Attribute) and expr.func.attr in ROUTE_WORDS:
            kind = next((k.value for k in expr.keywords if k.arg == "response_class"), None)
            found = project.names.resolve(outside, kind) if kind is not None else None
            if found is not None and project.names.is_a(found, _HTML, "HTMLResponse"):
                return True
    return False


def markup(project: Project, scope: Scope, expr: ast.expr, deep: int = 0) -> bool:
    """Whether the constant parts of a text hold a tag, looked for behind names and functions too."""
    if deep > DEEP:
        return False
    for node in walk(expr):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and _TAG.search(node.value):
            return True
        if isinstance(node, ast.Name):
            found = project.names.lookup(scope, node.id)
            values = [a.value for a in found.assignments if a.value is not None] if isinstance(found, Variable) else []
            if any(
                markup(project, found.scope, v, deep + 1)
                for v in values
                if v is not expr and isinstance(found, Variable)
            ):
                return True
        elif isinstance(node, ast.Call):
            target = project.names.called(scope, node)
            if target is not None and any(
                markup(project, target, v, deep + 1) for v in project.function_of(target).returns
            ):
                return True
    return False
