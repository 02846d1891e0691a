"""The three pages: Swagger UI, ReDoc, and where a sign-in at another server comes back to.

Every script has the nonce of its answer, every address is relative to the page, so that a proxy's prefix needs no
setting, and nothing that the application says is written into a page unescaped.
"""

from __future__ import annotations

import json
import os
import posixpath
from base64 import b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

from starlette.responses import HTMLResponse

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="icon" href="data:,">
{head}</head>
<body>
<noscript>This page needs JavaScript. The document itself is at <a href="{document}">{document}</a>.</noscript>
{body}</body>
</html>
"""

_SWAGGER = """<div id="swagger-ui"></div>
<script nonce="{nonce}" src="{script}"></script>
<script nonce="{nonce}">
const absolute = (path) => new URL(path, location.href).href;
const given = {settings};
const ui = SwaggerUIBundle({{
  ...given.parameters,
  url: absolute(given.document),
  oauth2RedirectUrl: given.redirect && absolute(given.redirect),
  validatorUrl: null,
  presets: [SwaggerUIBundle.presets.apis],
}});
if (given.oauth) ui.initOAuth(given.oauth);
</script>
"""

# ReDoc writes styles when it loads, before it could be told a nonce, and more while it runs.
_REDOC = """<div id="redoc"></div>
<script nonce="{nonce}">
const create = document.createElement;
document.createElement = function (name, ...more) {{
  const made = create.call(this, name, ...more);
  if (made instanceof HTMLStyleElement) made.nonce = "{nonce}";
  return made;
}};
</script>
<script nonce="{nonce}" src="{script}"></script>
<script nonce="{nonce}">
const given = {settings};
Redoc.init(new URL(given.document, location.href).href, {{}}, document.getElementById("redoc"));
</script>
"""

# What Swagger UI expects of this page: it finds the request in its opener, checks the state, hands the answer over.
_REDIRECT = """<script nonce="{nonce}">
const opened = window.opener && window.opener.swaggerUIRedirectOauth2;
if (opened) {{
  const inFragment = /code|token|error/.test(location.hash);
  const given = Object.fromEntries(new URLSearchParams((inFragment ? location.hash : location.search).slice(1)));
  const {{auth, redirectUrl}} = opened;
  const isValid = given.state === opened.state;
  const fail = (message) => opened.errCb({{authId: auth.name, source: "auth", level: "error", message}});
  const byCode = ["accessCode", "authorizationCode", "authorization_code"].includes(auth.schema.get("flow"));
  if (!isValid) {{
    fail("The answer does not belong to this request: its state is another one.");
  }} else if (!byCode || auth.code) {{
    opened.callback({{auth, token: given, isValid, redirectUrl}});
  }} else if (given.code) {{
    delete opened.state;
    auth.code = given.code;
    opened.callback({{auth, redirectUrl}});
  }} else {{
    fail(given.error ? `${{given.error}}: ${{given.error_description || "no description"}}` : "No code came back.");
  }}
  window.close();
}}
</script>
"""

_DEFAULTS = {"dom_id": "#swagger-ui", "layout": "BaseLayout", "deepLinking": True, "showExtensions": True,
             "showCommonExtensions": True}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Pages:
    """What the pages of one application need to know; paths as they stand in the application."""

    title: str
    document: str
    redirect: str | None
    parameters: Mapping[str, Any]
    """The application's own settings for Swagger UI."""
    oauth: Mapping[str, Any] | None
    connect: tuple[str, ...] = ()
    """Other origins that the pages may call."""

    def swagger(self, page: str, *, script: str, style: str) -> HTMLResponse:
        """Swagger UI at `page`."""
        settings = {
            "parameters": {**_DEFAULTS, **self.parameters},
            "document": _relative(self.document, page),
            "redirect": _relative(self.redirect, page) if self.redirect else None,
            "oauth": self.oauth,
        }
        nonce = _nonce()
        return self._answer(
            f"{self.title} - Swagger UI",
            head=f'<link rel="stylesheet" href="{escape(_relative(style, page))}">\n',
            body=_SWAGGER.format(nonce=nonce, script=escape(_relative(script, page)), settings=_json(settings)),
            page=page,
            policy=self._policy(nonce),
        )

    def redoc(self, page: str, *, script: str) -> HTMLResponse:
        """ReDoc at `page`. It writes styles while it runs, each with the nonce, and searches in a worker of its own."""
        nonce = _nonce()
        settings = {"document": _relative(self.document, page)}
        return self._answer(
            f"{self.title} - ReDoc",
            head=f'<style nonce="{nonce}">body {{ margin: 0; padding: 0; }}</style>\n',
            body=_REDOC.format(nonce=nonce, script=escape(_relative(script, page)), settings=_json(settings)),
            page=page,
            policy=self._policy(nonce, styles=(f"'nonce-{nonce}'",)) + "; worker-src blob:",
        )

    def came_back(self, page: str) -> HTMLResponse:
        """Where a sign-in at another server comes back to. It calls nobody and shows nothing."""
        nonce = _nonce()
        policy = f"default-src 'none'; script-src 'nonce-{nonce}'; img-src data:; {_CLOSED}"
        body = _REDIRECT.format(nonce=nonce)
        answer = self._answer(f"{self.title} - signed in", head="", body=body, page=page, policy=policy)
        # The page that opened this one is reached through `opener`, which isolation would cut.
        answer.headers["cross-origin-opener-policy"] = "unsafe-none"
        return answer

    def _policy(self, nonce: str, *, styles: Iterable[str] = ()) -> str:
        style, connect = " ".join(("'self'", *styles)), " ".join(("'self'", *self.connect))
        # Both interfaces draw their icons from data: addresses.
        return (
            f"default-src 'none'; script-src 'nonce-{nonce}' 'strict-dynamic'; style-src {style}; "
            f"img-src 'self' data:; font-src 'self'; connect-src {connect}; {_CLOSED}"
        )

    def _answer(self, title: str, *, head: str, body: str, page: str, policy: str) -> HTMLResponse:
        document = escape(_relative(self.document, page))
        content = _PAGE.format(title=escape(title), head=head, body=body, document=document)
        headers = {
            "content-security-policy": policy,
            "x-content-type-options": "nosniff",
            "referrer-policy": "no-referrer",
            "cache-control": "no-store",
            # A sign-in at another server happens in a window that must be able to answer this one.
            "cross-origin-opener-policy": "same-origin-allow-popups",
        }
        return HTMLResponse(content, headers=headers)


_CLOSED = "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"


def _nonce() -> str:
    return b64encode(os.urandom(16)).decode()


def _relative(path: str, page: str) -> str:
    return posixpath.relpath(path, posixpath.dirname(page))


def _json(value: object) -> str:
    # In a script no `<` may stand: it could end the script or begin a comment.
    text = json.dumps(value, default=str)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
