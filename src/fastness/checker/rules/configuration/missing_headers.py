"""
## What it looks for
An application without security headers: `X-Content-Type-Options`, `Strict-Transport-Security`, a policy for content and framing,
`Referrer-Policy`.

## Why it matters
Browsers then guess types, allow frames, send addresses along and try plain HTTP first.

## Bad
    from fastapi import FastAPI
    from fastapi.responses import HTMLResponse

    app = FastAPI()

    @app.get("/", response_class=HTMLResponse)
    def index() -> str:
        return "<h1>Hello</h1>"

## Good
    from fastapi import FastAPI, Request
    from fastapi.responses import HTMLResponse

    app = FastAPI()

    @app.middleware("http")
    async def headers(request: Request, call_next):
        response = await call_next(request)
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Strict-Transport-Security"] = "max-age=63072000"
        response.headers["Content-Security-Policy"] = "default-src 'self'; frame-ancestors 'none'"
        response.headers["Referrer-Policy"] = "no-referrer"
        return response

    @app.get("/", response_class=HTMLResponse)
    def index() -> str:
        return "<h1>Hello</h1>"

## How it is found
The whole project, its proxies' configuration included, is searched for these header names and for packages that set them. An application
that answers pages counts in the regular persona, a plain API in the pedantic one. Attacks look at answers of status 200, 404,
405, 422 and 500: middleware does not see every error.

## What it cannot see
Headers that another machine adds; declare them as a gateway duty.

## How to tell the checker
`gateway = { headers = "nginx add_header" }` in `[tool.fastness.check]`.

## References
OWASP API8:2023, ASVS 3.4.1 and 3.4.3 to 3.4.6, CWE-693
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator

from fastness.checker.evidence.attacker import Attacker
from fastness.checker.evidence.exchange import Answer
from fastness.checker.evidence.model import Application, Route
from fastness.checker.evidence.project import Project
from fastness.checker.finding import Confidence, Finding, Persona, Severity
from fastness.checker.rule import Rule

_HEADERS = ("x-content-type-options", "strict-transport-security", "content-security-policy", "referrer-policy")
_PACKAGE = re.compile(
    r"secure_headers|SecureHeaders|SecurityHeaders|\bsecweb\b|\bSecWeb\b|starlette_securityheaders|fastapi_security_headers|from secure import|Secure\(|helmet",
    re.IGNORECASE,
)
_PACKAGE_WORDS = ("secure", "secweb", "securityheaders", "security_headers", "helmet")
"""One of them is in whatever the pattern matches: the text is asked for them first, which is far quicker."""
_WANTED = ("x-content-type-options", "strict-transport-security", "referrer-policy", "content-security-policy")
_ROUTES = 40


class MissingHeaders(Rule):
    """Nothing tells the browser to be careful."""

    id, name, control, severity = "FN604", "missing-headers", "headers", Severity.MEDIUM
    owasp, asvs, cwe, guide = ("API8:2023",), ("3.4.1", "3.4.3", "3.4.4", "3.4.5", "3.4.6"), (693, 1021), (7,)
    why = "browsers guess types, allow frames and try plain HTTP first"
    fix = "secure(app), or a middleware that sets nosniff, HSTS, CSP and Referrer-Policy on every answer"

    def inspect(self, application: Application) -> Iterator[Finding]:
        if application.parent is not None or "headers" in application.controls:
            return
        handlers = [r.handler for r in application.routes if r.handler is not None]
        if not handlers:
            return
        found = handlers[0].project.once(_headers)
        missing = [name for name in _HEADERS if name not in found]
        if len(missing) < len(_HEADERS) and "x-content-type-options" not in missing:
            return
        if not missing:
            return
        pages = any(_page(route) for route in application.routes) or handlers[0].project.once(_page_routers)
        yield self.found(
            application.place,
            f"{application.name} sets no {', no '.join(missing)}",
            subject=application.name,
            confidence=Confidence.MEDIUM,
            persona=Persona.REGULAR if pages and len(missing) == len(_HEADERS) else Persona.PEDANTIC,
        )

    async def attack(self, attacker: Attacker) -> AsyncIterator[Finding]:
        if "headers" in attacker.gateway:
            return
        statuses: dict[int, Answer] = {}
        for answer in [each async for each in self._answers(attacker)]:
            statuses.setdefault(answer.status, answer)
        missing = {status: names for status, each in sorted(statuses.items()) if (names := _missing(each))}
        if missing:
            every = sorted({name for names in missing.values() for name in names})
            where = "every answer" if len(missing) == len(statuses) else "answers " + ", ".join(map(str, missing))
            text = f"{where} without {', '.join(every)}"
            shown = statuses[next(iter(missing))]
            yield self.found(
                attacker.application.place,
                text,
                confidence=Confidence.PROVED,
                subject="missing headers",
                proof=attacker.proof(text, shown),
            )

    async def _answers(self, attacker: Attacker) -> AsyncIterator[Answer]:
        yield await attacker.send("GET", "/there-is-no-such-page-5f1c")
        for route in attacker.routes[:_ROUTES]:
            if route.kind == "http" and "GET" in route.methods:
                yield await attacker.attempt(route, "GET")
        closed = next((r for r in attacker.routes if "POST" in r.methods), None)
        if closed is not None and attacker.writes:
            yield await attacker.send(
                "POST", attacker.request(closed, "POST").path, headers={"content-type": "application/json"}, body=b"{"
            )


def _missing(answer: Answer) -> list[str]:
    if not answer.status or (answer.raised and not answer.headers):
        return []  # no answer of the application: the server makes this one
    found = [name for name in _WANTED if not answer.header(name)]
    framed = answer.header("x-frame-options") or "frame-ancestors" in (answer.header("content-security-policy") or "")
    return found if framed else [*found, "x-frame-options"]


def _page(route: Route) -> bool:
    """Whether it answers HTML."""
    handler = route.handler
    if handler is None or route.kind != "http" or route.guarded("role"):
        return False
    words = " ".join(call.name for call in handler.calls())
    decorated = " ".join(handler.module.code(expr) for _, expr in handler.decorators)
    return re.search(r"TemplateResponse|HTMLResponse", f"{words} {decorated}") is not None


def _page_routers(project: Project) -> bool:
    """Whether a router or application answers HTML unless a route says otherwise."""
    for call in project.calls("APIRouter", "FastAPI"):
        kind = call.arg("default_response_class")
        if kind is not None and project.names.dotted(call.scope, kind).endswith("HTMLResponse"):
            return True
    return False


def _headers(project: Project) -> frozenset[str]:
    """The security headers that the project's code or its proxies name."""
    found: set[str] = set()
    texts = [module.text for module in project.modules_of(("code", "script"))]
    texts += [project.files.text(path) for path in project.files.proxies()]
    for text in texts:
        low = text.lower()
        found |= {name for name in _HEADERS if name in low}
        if any(word in low for word in _PACKAGE_WORDS) and _PACKAGE.search(text):
            found |= set(_HEADERS)
    return frozenset(found)
