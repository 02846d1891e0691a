"""Security headers: on every answer, once, and never over the application's own."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi import Depends, FastAPI, HTTPException, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from pydantic import BaseModel

from by_hand import LOCAL, ask, exchange, nothing
from fastness.controls.headers import Headers, HeaderSettings, csp_nonce
from fastness.core.asgi import alone
from fastness.core.errors import TooManyRequests, UnsafeConfiguration

pytestmark = pytest.mark.anyio

EXPECTED = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
    "content-security-policy": (
        "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'; object-src 'none'; sandbox"
    ),
}


class Item(BaseModel):
    size: int


async def limited() -> None:
    raise TooManyRequests(retry_after=3)


def build(settings: HeaderSettings | None = None) -> FastAPI:
    app = FastAPI()

    @app.get("/ok")
    async def ok() -> dict[str, str]:
        return {}

    @app.get("/page", response_class=HTMLResponse)
    async def page(request: Request, nonce: str = "") -> str:
        return csp_nonce(request) + csp_nonce(request) if nonce else ""

    @app.get("/own")
    async def own() -> Response:
        own = {"Cache-Control": "max-age=60", "X-Frame-Options": "SAMEORIGIN", "Server": "x/1", "X-Powered-By": "y"}
        return Response(headers=own)

    @app.get("/crash")
    async def crash() -> None:
        raise RuntimeError("secret")

    @app.get("/away")
    async def away() -> RedirectResponse:
        return RedirectResponse("/ok")

    @app.get("/limited", dependencies=[Depends(limited)])
    async def busy() -> None: ...

    @app.get("/teapot")
    async def teapot() -> None:
        raise HTTPException(418)

    @app.post("/items")
    async def add(item: Item) -> None: ...

    app.add_middleware(alone, Headers(settings))
    return app


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/ok", 200), ("GET", "/away", 307), ("GET", "/missing", 404), ("PUT", "/ok", 405),
        ("GET", "/teapot", 418), ("POST", "/items", 422), ("GET", "/limited", 429), ("GET", "/crash", 500),
        ("OPTIONS", "/ok", 405), ("HEAD", "/ok", 405), ("GET", "/openapi.json", 200),
    ],
)  # fmt: skip
async def test_every_answer_carries_them_once(method: str, path: str, status: int) -> None:
    reply = await ask(build(), method, path)

    assert reply.status == status
    assert {name: reply.one(name) for name in EXPECTED} == EXPECTED
    assert "camera=()" in (reply.one("permissions-policy") or "")
    assert reply.one("strict-transport-security") is None


async def test_hsts_is_sent_on_https_only_and_preload_must_be_asked_for() -> None:
    plain, secure = await ask(build(), path="/ok"), await ask(build(), path="/ok", scheme="https")
    preload = await ask(build(HeaderSettings(hsts_preload=True)), path="/ok", scheme="https")
    off = await ask(build(HeaderSettings(hsts_seconds=0)), path="/ok", scheme="https")

    assert plain.one("strict-transport-security") is None
    assert secure.one("strict-transport-security") == "max-age=63072000; includeSubDomains"
    assert preload.one("strict-transport-security") == "max-age=63072000; includeSubDomains; preload"
    assert off.one("strict-transport-security") is None


async def test_the_applications_own_header_wins_and_is_not_sent_twice() -> None:
    reply = await ask(build(), path="/own")

    assert reply.one("cache-control") == "max-age=60"
    assert reply.one("x-frame-options") == "SAMEORIGIN"
    assert reply.one("x-content-type-options") == "nosniff"


async def test_headers_that_describe_the_software_are_taken_away() -> None:
    reply = await ask(build(), path="/own")

    assert reply.one("server") is None
    assert reply.one("x-powered-by") is None


async def test_a_page_has_a_page_policy_that_names_the_nonce_it_asked_for() -> None:
    first, second = await ask(build(), path="/page"), await ask(build(), path="/page")
    app = build()
    scope_query: dict[str, Any] = {"headers": [LOCAL]}
    with_nonce = await ask(with_query(app, b"nonce=1"), path="/page", **scope_query)
    again = await ask(with_query(app, b"nonce=1"), path="/page", **scope_query)

    assert "script-src 'self';" in (first.one("content-security-policy") or "")
    assert first.one("content-security-policy") == second.one("content-security-policy")
    nonce = with_nonce.body[: len(with_nonce.body) // 2].decode()
    assert with_nonce.body.decode() == nonce * 2
    assert f"script-src 'nonce-{nonce}' 'strict-dynamic';" in (with_nonce.one("content-security-policy") or "")
    assert "frame-ancestors 'none'" in (with_nonce.one("content-security-policy") or "")
    assert again.body != with_nonce.body


def with_query(app: Any, query: bytes) -> Any:
    async def asked(scope: Any, receive: Any, send: Any) -> None:
        await app({**scope, "query_string": query}, receive, send)

    return asked


async def test_a_nonce_asked_inside_a_nested_chain_reaches_the_policy_of_the_outer_one() -> None:
    async def page(scope: Any, _: Any, send: Any) -> None:
        nonce = csp_nonce(scope)
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/html")]})
        await send({"type": "http.response.body", "body": nonce.encode()})

    reply = await ask(alone(alone(page), Headers()))

    assert f"'nonce-{reply.body.decode()}'" in (reply.one("content-security-policy") or "")


async def test_two_headers_elements_one_inside_the_other_do_not_send_twice() -> None:
    reply = await ask(alone(alone(nothing, Headers()), Headers()))

    assert {name: reply.one(name) for name in EXPECTED} == EXPECTED


def test_a_nonce_without_the_element_is_refused() -> None:
    with pytest.raises(LookupError, match="add_middleware"):
        csp_nonce({"type": "http"})


@pytest.mark.parametrize(
    "settings",
    [
        HeaderSettings(api_policy="default-src 'none'"),
        HeaderSettings(referrer_policy="no-referrer\r\nset-cookie: a=b"),
        HeaderSettings(page_policy=""),
    ],
)
def test_settings_that_break_the_headers_stop_the_start(settings: HeaderSettings) -> None:
    with pytest.raises(UnsafeConfiguration, match=r"polic|header"):
        Headers(settings)


def test_production_refuses_inline_code_and_short_hsts() -> None:
    weak = HeaderSettings(page_policy="script-src 'unsafe-inline'; frame-ancestors 'none'", hsts_seconds=60)

    assert len(weak.problems(production=True)) == 2
    assert weak.problems(production=False) == []
    assert HeaderSettings().problems(production=True) == []


BREAKING = {
    "content-security-policy", "x-frame-options", "cross-origin-opener-policy", "cross-origin-resource-policy",
    "permissions-policy", "strict-transport-security",
}  # fmt: skip


async def test_reporting_only_sends_policies_as_reports_and_nothing_that_breaks_a_page() -> None:
    element = Headers(HeaderSettings(mode="report", report_uri="https://reports.example.com/csp"))
    enforced = Headers()

    for kind in (b"application/json", b"text/html; charset=utf-8"):
        headers = [(b"content-type", kind)]
        element.leave(exchange(scheme="https"), headers)
        full = [(b"content-type", kind)]
        enforced.leave(exchange(scheme="https"), full)
        sent, policy = dict(headers), dict(full)[b"content-security-policy"]

        assert {name.decode() for name in sent} & BREAKING == set()
        assert sent[b"content-security-policy-report-only"] == policy + b"; report-uri https://reports.example.com/csp"
        assert sent[b"cross-origin-opener-policy-report-only"] == b"same-origin"
        assert b"permissions-policy-report-only" in sent
        assert sent[b"x-content-type-options"] == b"nosniff"
    assert element.only_logs
    assert not enforced.only_logs


async def test_reporting_only_a_page_s_nonce_stands_in_the_reported_policy() -> None:
    element = Headers(HeaderSettings(mode="report"))
    asked = exchange()
    asked.nonce = "abc"
    headers = [(b"content-type", b"text/html")]

    element.leave(asked, headers)

    assert b"'nonce-abc'" in dict(headers)[b"content-security-policy-report-only"]
    assert [name for name, _ in headers].count(b"content-security-policy-report-only") == 1
    assert b"content-security-policy" not in dict(headers)
