"""Security headers on every answer: 200, redirect, 404, 405, 413, 422, 429, 500 and preflight.

A header that the application set itself is never replaced and never sent twice. OWASP HTTP Headers and REST Security
cheat sheets; ASVS 5.0 3.2.1, 3.4.1, 3.4.3 to 3.4.6, 3.4.8, 3.5.8, 14.3.2.
"""

from __future__ import annotations

import os
from base64 import b64encode
from typing import Any, Literal

from pydantic import BaseModel, Field

from fastness.core.declare import provides
from fastness.core.errors import UnsafeConfiguration
from fastness.core.exchange import Exchange, Header, Quiet, Scope, of

_YEAR = 31_536_000
_NONCE = "'nonce'"
_PERMISSIONS = (
    "accelerometer=(), autoplay=(), camera=(), display-capture=(), encrypted-media=(), fullscreen=(), geolocation=(), "
    "gyroscope=(), magnetometer=(), microphone=(), midi=(), payment=(), picture-in-picture=(), screen-wake-lock=(), "
    "usb=(), web-share=(), xr-spatial-tracking=()"
)


class HeaderSettings(BaseModel, frozen=True):
    """FASTNESS_HEADERS__*"""

    mode: Literal["enforce", "report"] = Field(
        default="enforce",
        description="`report` sends nothing that can break a page: policies in their Report-Only form, and no "
        "Strict-Transport-Security, X-Frame-Options or Cross-Origin-Resource-Policy.",
    )
    report_uri: str = Field(
        default="", description="Where browsers send violations of the policies; empty: only their consoles show them."
    )
    hsts_seconds: int = Field(
        default=63_072_000, ge=0, description="Strict-Transport-Security max-age, sent on https only. 0 turns it off."
    )
    hsts_preload: bool = Field(default=False, description="Asks for the browsers' preload list. Hard to undo.")
    api_policy: str = Field(
        default=(
            "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'; object-src 'none'; sandbox"
        ),
        description="Content-Security-Policy of every answer that is not text/html.",
    )
    page_policy: str = Field(
        default=(
            "default-src 'none'; script-src 'nonce' 'strict-dynamic'; style-src 'self'; img-src 'self'; "
            "connect-src 'self'; font-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; "
            "frame-ancestors 'none'"
        ),
        description=(
            "Content-Security-Policy of text/html. `'nonce'` becomes this answer's nonce; on a page that asks for none, "
            "`'nonce' 'strict-dynamic'` becomes `'self'`."
        ),
    )
    permissions_policy: str = Field(
        default=_PERMISSIONS, description="Permissions-Policy of text/html: browser features turned off."
    )
    api_permissions_policy: str = Field(
        default="camera=(), geolocation=(), microphone=(), payment=(), usb=()",
        description="Permissions-Policy of every other answer, where no page can ask for a feature; so it is short.",
    )
    referrer_policy: str = Field(default="no-referrer", description="Referrer-Policy.")
    cache_control: str = Field(
        default="no-store", description="Cache-Control of answers that set none. Empty leaves them alone."
    )
    strip: tuple[str, ...] = Field(
        default=("server", "x-powered-by"), description="Headers of the application that tell what runs here."
    )

    def problems(self, *, production: bool) -> list[UnsafeConfiguration]:
        """Values that a header cannot carry, or that undo its protection."""
        found = [
            _problem(name, "a header value has control or non-ASCII characters", "Use plain ASCII.")
            for name in (
                "api_policy",
                "page_policy",
                "permissions_policy",
                "api_permissions_policy",
                "referrer_policy",
                "cache_control",
                "report_uri",
            )
            if not _one_line(getattr(self, name))
        ]
        for name in ("api_policy", "page_policy"):
            if "frame-ancestors" not in getattr(self, name):
                found.append(_problem(name, "the policy lets any site frame this one", "Add frame-ancestors 'none'."))
            if production and "'unsafe-" in getattr(self, name):
                found.append(
                    _problem(name, "the policy allows inline code or eval", "Use a nonce: csp_nonce(request).")
                )
        if production and 0 < self.hsts_seconds < _YEAR:
            found.append(_problem("hsts_seconds", "HSTS lasts less than a year", "Use 63072000, or 0 for none."))
        return found


@provides("headers")
class Headers(Quiet):
    """Adds what `HeaderSettings` says, from tuples built once."""

    def __init__(self, settings: HeaderSettings | None = None) -> None:
        """Raises `UnsafeConfiguration` for a value that no header can carry."""
        chosen = settings or HeaderSettings()
        for problem in chosen.problems(production=False):
            raise problem
        self.problems = chosen.problems
        self.only_logs = chosen.mode == "report"
        """Whether browsers report and enforce nothing."""
        suffix = b"-report-only" if self.only_logs else b""
        common = [
            (b"x-content-type-options", b"nosniff"),
            (b"x-frame-options", b"" if self.only_logs else b"DENY"),
            (b"referrer-policy", chosen.referrer_policy.encode()),
            (b"cross-origin-opener-policy" + suffix, b"same-origin"),
            (b"cross-origin-resource-policy", b"" if self.only_logs else b"same-origin"),
            (b"cache-control", chosen.cache_control.encode()),
        ]
        common = [header for header in common if header[1]]
        features = [
            [(b"permissions-policy" + suffix, value.encode())] if value else []
            for value in (chosen.api_permissions_policy, chosen.permissions_policy)
        ]
        self._policy = b"content-security-policy" + suffix
        report = f"; report-uri {chosen.report_uri}" if chosen.report_uri else ""
        self._page_with_nonce = chosen.page_policy + report
        page_policy = self._page_with_nonce.replace(f"{_NONCE} 'strict-dynamic'", "'self'").replace(_NONCE, "'self'")
        api = (*common, *features[0], (self._policy, (chosen.api_policy + report).encode()))
        page = (*common, *features[1], (self._policy, page_policy.encode()))
        hsts = f"max-age={chosen.hsts_seconds}; includeSubDomains" + ("; preload" if chosen.hsts_preload else "")
        # A browser keeps HSTS for its whole life, whatever later answers say: nothing to try out.
        sent = chosen.hsts_seconds and not self.only_logs
        secure = ((b"strict-transport-security", hsts.encode()),) if sent else ()
        self._plain, self._secure = (api, page), ((*api, *secure), (*page, *secure))
        self._strip = frozenset(name.lower().encode() for name in chosen.strip)
        self._watched = self._strip.union(name for answers in self._secure for name, _ in answers)

    def leave(self, exchange: Exchange, headers: list[Header], /) -> None:
        """Add each header that the answer does not have, and take away those that describe the software."""
        kind, odd = b"", False
        for name, value in headers:
            if name == b"content-type":
                kind = value
            elif name in self._watched:
                odd = True
        if odd and not self._strip.isdisjoint(dict(headers)):
            headers[:] = [header for header in headers if header[0] not in self._strip]
        # RFC 6797 section 7.2: never over plain http.
        chosen = self._secure if exchange.scheme == "https" else self._plain
        page = kind[:9].lower() == b"text/html"
        adding = chosen[page]
        if page and exchange.nonce:
            policy = self._page_with_nonce.replace(_NONCE, f"'nonce-{exchange.nonce}'").encode()
            adding = (*(header for header in adding if header[0] != self._policy), (self._policy, policy))
        if odd:
            own = dict(headers)
            adding = tuple(header for header in adding if header[0] not in own)
        headers.extend(adding)


def csp_nonce(request: Any) -> str:
    """The nonce of this answer: 128 random bits, made when first asked for.

    In a template: `<script nonce="{{ csp_nonce(request) }}">`.

    Takes a Starlette request (or a scope). Ask before the answer starts, so that its policy can name the nonce.

    Raises:
        LookupError: when no `Headers` runs around the application, so that no policy would name the nonce.
    """
    scope: Scope = getattr(request, "scope", request)
    exchange = of(scope)
    if exchange is None:
        raise LookupError("csp_nonce() needs the Headers element: app.add_middleware(alone, Headers())")
    nonce = exchange.nonce or b64encode(os.urandom(16)).decode()
    around: Exchange | None = exchange
    while around is not None:
        around.nonce, around = nonce, around.outer
    return nonce


def _one_line(value: str) -> bool:
    return value.isascii() and (value.isprintable() or not value)


def _problem(name: str, what: str, fix: str) -> UnsafeConfiguration:
    return UnsafeConfiguration(
        what,
        where=f"FASTNESS_HEADERS__{name.upper()}",
        why="Browsers enforce exactly what these headers say.",
        fix=fix,
    )
