"""CSRF at its edges: routes that nobody knows, methods without effect, what an event tells, and how much is read."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from pydantic import ValidationError
from starlette.requests import HTTPConnection

from by_hand import Seen, ask, exchange, nothing
from controls.csrf_calls import (
    FOREIGN,
    HOST,
    NO_TOKEN,
    OURS,
    PASSED,
    RING,
    SAME,
    Matched,
    act,
    call,
    code,
    header,
    perhaps_sign_in,
    sign_in,
    token,
)
from fastness.controls.access import Authentication
from fastness.controls.cookies import CookieSession
from fastness.controls.csrf import Csrf, CsrfSettings, csrf_token
from fastness.controls.csrf.token import CsrfTokens
from fastness.core.asgi import alone
from fastness.core.declare import opens_session
from fastness.core.events import Level
from fastness.core.principal import Principal

pytestmark = pytest.mark.anyio

EVIL = ("origin", "https://evil.test")


async def unmatched(method: str, *headers: tuple[str, str], cookie: bool = True) -> tuple[int, str | None]:
    """A request that the gate found no route for."""
    session = CookieSession({b"ada": Principal("ada", session="s")}.get)
    app = alone(nothing, Matched(None), Authentication([session]), session, Csrf(ring=RING, origins=[OURS]))
    raw = [(b"host", HOST.encode()), *((name.encode(), value.encode()) for name, value in headers)]
    raw += [(b"cookie", b"__Host-session=ada")] if cookie else []
    return code(await ask(app, method, headers=raw, scheme="https"))


async def test_a_request_that_matches_no_route_is_judged_like_any_other() -> None:
    assert await unmatched("POST", EVIL) == FOREIGN
    assert await unmatched("POST", SAME) == NO_TOKEN
    assert await unmatched("GET", EVIL) == PASSED
    assert await unmatched("POST", EVIL, cookie=False) == PASSED


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
async def test_a_safe_method_opens_no_session_and_needs_no_source(method: str) -> None:
    assert code(await call(EVIL, method=method, cookie=None, endpoint=sign_in)) == PASSED


async def test_a_sign_in_that_sets_no_cookie_still_acts_for_the_session_that_is_there() -> None:
    assert code(await call(SAME, endpoint=perhaps_sign_in, query=b"mode=token")) == NO_TOKEN
    assert code(await call(SAME, await header(), endpoint=perhaps_sign_in, query=b"mode=token")) == PASSED
    assert code(await call(SAME, endpoint=perhaps_sign_in, query=b"mode=cookie")) == PASSED


@opens_session(remember="")
async def remembered() -> None: ...


async def test_a_parameter_without_a_value_counts() -> None:
    assert code(await call(EVIL, cookie=None, endpoint=remembered, query=b"remember=")) == FOREIGN
    assert code(await call(EVIL, cookie=None, endpoint=remembered, query=b"")) == PASSED


async def test_a_partial_of_a_route_that_opens_a_session_opens_one() -> None:
    assert code(await call(EVIL, cookie=None, endpoint=partial(partial(sign_in), name="ada"))) == FOREIGN


async def test_where_the_source_is_sure_no_token_is_asked_for_when_so_configured() -> None:
    settings = CsrfSettings(token="fallback", same_site=True)
    for sure in (
        SAME,
        ("sec-fetch-site", "none"),
        ("sec-fetch-site", "same-site"),
        ("origin", OURS),
        ("referer", f"{OURS}/a"),
    ):
        assert code(await call(sure, settings=settings)) == PASSED, sure
    for unsure in ([], [("referer", f"{OURS}/a")]):
        assert code(await call(*unsure, settings=settings, scheme="http")) == NO_TOKEN


async def test_an_event_tells_how_bad_it_is_why_and_what_the_browser_said() -> None:
    seen = Seen()

    await call(("origin", "https://evil.test/" + "x" * 400), ("sec-fetch-site", "cross-site"), emit=seen)
    await call(SAME, emit=seen)

    assert [event.level for event in seen] == [Level.WARN, Level.WARN]
    assert [event.reason for event in seen] == ["not from our own pages", "no token"]
    assert len(seen[0].details["origin"]) == 256
    assert seen[0].details["sec-fetch-site"] == "cross-site"
    assert seen[1].details["sec-fetch-site"] == "same-origin"


@pytest.mark.parametrize(("size", "good"), [(255, 0), (256, 1), (2**20, 1), (2**20 + 1, 0)])
def test_what_is_read_of_a_form_is_bounded(size: int, good: int) -> None:
    if good:
        assert CsrfSettings(form_bytes=size).form_bytes == size
        return
    with pytest.raises(ValidationError):
        CsrfSettings(form_bytes=size)


def test_plain_http_is_trusted_in_development_and_reported_for_production() -> None:
    control = Csrf(CsrfSettings(trusted_origins=("http://app.example.com:3000",)), ring=RING)

    assert control.problems(production=False) == []
    assert len(control.problems(production=True)) == 1


def test_a_token_is_checked_for_any_session_and_never_raises() -> None:
    tokens = CsrfTokens(RING)
    for session in ("", "s", "\ud800", "\u00e4" * 500):
        good = tokens.make(session).encode()
        assert tokens.good(good, session) is True
        assert tokens.good(good, session + "x") is False
    assert tokens.good(b"x" * 64, "s") is False


def test_a_page_without_a_session_gets_an_empty_token() -> None:
    asked = exchange()
    assert csrf_token(HTTPConnection({**asked.scope, "fastness": asked})) == ""
    asked.cookie = b"a session where nobody checks tokens"
    assert csrf_token(HTTPConnection({**asked.scope, "fastness": asked})) == ""
    asked.cookie, asked.csrf = None, CsrfTokens(RING).make
    assert csrf_token(HTTPConnection({**asked.scope, "fastness": asked})) == ""


@pytest.mark.parametrize("size", [0, 10, 254, 255, 256, 300])
async def test_a_multipart_token_is_found_wherever_the_body_is_cut(size: int) -> None:
    field = f'--b\r\nContent-Disposition: form-data; name="csrf_token"\r\n\r\n{await token()}\r\n--b--\r\n'.encode()
    body = b"x" * 1000 + field

    for cut in range(1000 + len(field) - size - 1, 1000 + len(field) - size + 2):
        if 0 < cut <= len(body):
            pieces = [body[:cut], body[cut:]]
            reply = await call(SAME, ("content-type", "multipart/form-data; boundary=b"), body=pieces, endpoint=act)
            assert code(reply) == PASSED, cut


async def test_the_application_gets_nothing_but_the_body_that_was_sent() -> None:
    bodies: list[bytes] = []

    async def app(_: Any, receive: Any, send: Any) -> None:
        whole, more = b"", True
        while more:
            message = await receive()
            whole, more = whole + message["body"], message["more_body"]
        bodies.append(whole)
        await nothing(None, _ended, send)

    sent = [f"csrf_token={await token()}".encode(), b"", b"&a=1"]
    for kind in ("application/x-www-form-urlencoded", "APPLICATION/X-WWW-FORM-URLENCODED ; charset=utf-8"):
        assert code(await call(SAME, ("content-type", kind), app=app, body=sent)) == PASSED

    assert bodies == [b"".join(sent)] * 2


async def _ended() -> Any:
    return {"type": "http.disconnect"}
