"""The CSRF token: bound to one session, different each time, in the header or in a form that arrives whole."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Annotated, Any

import pytest
from fastapi import FastAPI, Form, Request, UploadFile
from starlette.requests import HTTPConnection

from by_hand import Reply, ask, exchange, nothing
from controls.csrf_calls import FOREIGN, HOST, NO_TOKEN, OURS, PASSED, SAME, call, chain, code, header, token
from fastness.controls.csrf import CsrfSettings, CsrfToken, csrf_token
from fastness.core.keys import KeyRing

pytestmark = pytest.mark.anyio


async def test_a_token_is_different_each_time_and_good_each_time() -> None:
    first, second = await token(), await token()

    assert first != second
    assert len({first[:21], second[:21]}) == 2
    for one in (first, second, first):
        assert code(await call(SAME, ("x-csrf-token", one))) == PASSED


@pytest.mark.parametrize(("cookie", "other"), [("cookie-of-ada", "cookie-of-eve"), ("no-id", "no-id-2")])
async def test_a_token_of_another_session_is_refused(cookie: str, other: str) -> None:
    assert code(await call(SAME, await header(cookie), cookie=cookie)) == PASSED
    assert code(await call(SAME, await header(other), cookie=cookie)) == NO_TOKEN


async def test_a_forged_or_broken_token_is_refused_and_never_a_500() -> None:
    good = await token()
    flipped = ("A" if good[0] != "A" else "B") + good[1:]
    foreign = KeyRing(["a secret that nobody here has had"])

    for bad in ("", "x", good[:-1], good + "A", flipped, good[:-1] + "!", good.lower(), "=" * 64, "A" * 64, "é" * 32, good + "\0",
                await token(ring=foreign)):  # fmt: skip
        assert code(await call(SAME, ("x-csrf-token", bad))) == NO_TOKEN, bad


async def test_a_token_survives_a_rotation_of_the_secret_and_not_its_removal() -> None:
    made = await token(ring=KeyRing(["an old secret of thirty-two bytes"]))

    assert code(await call(SAME, ("x-csrf-token", made))) == PASSED
    assert (
        code(await call(SAME, ("x-csrf-token", made), ring=KeyRing(["a secret of some thirty-two bytes"]))) == NO_TOKEN
    )


async def test_two_token_headers_and_one_with_an_underscore_are_refused() -> None:
    good = await header()

    assert code(await call(SAME, good, good)) == NO_TOKEN
    assert code(await call(SAME, ("x_csrf_token", good[1]))) == NO_TOKEN


async def test_a_token_in_the_query_or_in_a_cookie_is_never_read() -> None:
    good = await token()

    assert code(await call(SAME, query=b"csrf_token=" + good.encode())) == NO_TOKEN
    assert code(await call(SAME, cookie=f"cookie-of-ada; csrf_token={good}")) == NO_TOKEN


async def test_the_token_may_be_left_out_where_the_source_is_sure_when_so_configured() -> None:
    settings = CsrfSettings(token="fallback")

    assert code(await call(SAME, settings=settings)) == PASSED
    assert code(await call(("origin", OURS), settings=settings)) == PASSED
    assert code(await call(settings=settings)) == NO_TOKEN
    assert code(await call(("sec-fetch-site", "cross-site"), settings=settings)) == FOREIGN


async def test_nobody_gets_a_token_without_a_cookie_session() -> None:
    assert csrf_token(HTTPConnection({"type": "http", "headers": []})) == ""
    seen: list[str] = []

    async def page(scope: Any, receive: Any, send: Any) -> None:
        seen.append(csrf_token(HTTPConnection(scope)))
        await nothing(scope, receive, send)

    await call(method="GET", cookie=None, app=page)
    await call(("authorization", "Bearer x"), method="GET", app=page)

    assert seen == ["", ""]


def form_app() -> FastAPI:
    app = FastAPI()

    @app.post("/")
    async def take(a: Annotated[str, Form()]) -> str:
        return a

    @app.post("/file")
    async def file(file: UploadFile) -> int | None:
        return file.size

    @app.post("/raw")
    async def raw(request: Request) -> int:
        return len(await request.body())

    @app.get("/page")
    async def page(token: CsrfToken) -> str:
        return token

    return app


URLENCODED = ("content-type", "application/x-www-form-urlencoded; charset=utf-8")
MULTIPART = ("content-type", "multipart/form-data; boundary=b")


def part(name: str, value: bytes, extra: str = "") -> bytes:
    return f'--b\r\nContent-Disposition: form-data; name="{name}"{extra}\r\n\r\n'.encode() + value + b"\r\n"


async def post(path: str, kind: tuple[str, str], body: Iterable[bytes], **how: Any) -> Reply:
    raw = [(b"host", HOST.encode()), (b"cookie", b"__Host-session=cookie-of-ada"), (b"sec-fetch-site", b"same-origin")]
    raw.append((kind[0].encode(), kind[1].encode()))
    return await ask(chain(app=form_app(), **how), "POST", path, headers=raw, body=body, scheme="https")


@pytest.mark.parametrize("size", [1, 7, 10_000], ids=["byte by byte", "in pieces", "whole"])
async def test_a_form_field_carries_the_token_and_the_application_reads_the_whole_form(size: int) -> None:
    form = f"a=hello+you&csrf_token={await token()}&b=c".encode()

    reply = await post("/", URLENCODED, [form[i : i + size] for i in range(0, len(form), size)])

    assert (reply.status, reply.json) == (200, "hello you")


@pytest.mark.parametrize("size", [1, 7, 200_000], ids=["byte by byte", "in pieces", "whole"])
async def test_a_multipart_field_before_a_file_carries_the_token(size: int) -> None:
    form = part("csrf_token", (await token()).encode()) + part("file", b"x" * 3000, '; filename="f"') + b"--b--\r\n"

    reply = await post("/file", MULTIPART, [form[i : i + size] for i in range(0, len(form), size)])

    assert (reply.status, reply.json) == (200, 3000)


async def test_a_form_may_carry_the_token_in_the_header_too() -> None:
    good = ("x-csrf-token", await token())

    assert code(await call(SAME, URLENCODED, good, body=[b"a=1"])) == PASSED
    assert (
        code(await call(SAME, URLENCODED, ("x-csrf-token", "no"), body=[f"csrf_token={good[1]}".encode()])) == NO_TOKEN
    )


async def test_the_page_gets_its_token_as_a_dependency() -> None:
    raw = [(b"host", HOST.encode()), (b"cookie", b"__Host-session=cookie-of-ada")]
    made = (await ask(chain(app=form_app()), path="/page", headers=raw, scheme="https")).json

    reply = await post("/", URLENCODED, [f"csrf_token={made}&a=1".encode()])

    assert re.fullmatch(r"[A-Za-z0-9_-]{64}", made)
    assert (reply.status, reply.json) == (200, "1")


@pytest.mark.parametrize("kind", [URLENCODED, MULTIPART])
async def test_a_form_without_a_token_or_with_several_is_refused(kind: tuple[str, str]) -> None:
    good = await token()
    bodies = {
        URLENCODED: [b"a=1", f"a=1&csrf_token={good}&csrf_token={good}".encode(), f"xcsrf_token={good}".encode(), b"", b"\0\xff&=&"],
        MULTIPART: [part("a", b"1") + b"--b--\r\n", part("a", b"1"), b"", part("csrf_token", b"no") + b"--b--\r\n", b"\xff" * 500],
    }[kind]  # fmt: skip

    for body in bodies:
        assert code(await post("/raw", kind, [body])) == NO_TOKEN, body


async def test_a_token_in_a_body_that_is_no_form_is_not_read() -> None:
    good = await token()

    for kind in ("application/json", "text/plain", "application/x-www-form-urlencodedx", ""):
        assert code(await post("/raw", ("content-type", kind), [f"csrf_token={good}".encode()])) == NO_TOKEN


async def test_no_more_than_the_form_limit_is_read_before_the_refusal() -> None:
    read = 0

    async def endless() -> dict[str, Any]:
        nonlocal read
        read += 1000
        return {"type": "http.request", "body": b"x" * 1000, "more_body": True}

    async def send(message: Any) -> None:
        sent.append(message)

    for kind in (URLENCODED, MULTIPART):
        sent: list[Any] = []
        read = 0
        raw = [
            (b"host", HOST.encode()),
            (b"cookie", b"__Host-session=cookie-of-ada"),
            (kind[0].encode(), kind[1].encode()),
        ]
        scope = exchange(method="POST", headers=raw, scheme="https").scope
        await chain(CsrfSettings(form_bytes=5000), most=2**30)({**scope}, endless, send)
        assert (sent[0]["status"], read) == (403, 5000)


async def test_the_limit_of_the_body_wins_over_the_search_for_a_token() -> None:
    reply = await post("/raw", URLENCODED, [b"x" * 600, b"x" * 600], most=1000)

    assert code(reply) == (413, "body_too_large")


async def test_a_large_form_with_its_token_in_front_reaches_the_application_whole() -> None:
    start = f"csrf_token={await token()}&a=".encode()

    reply = await post("/raw", URLENCODED, [start, *([b"x" * 10_000] * 20)], settings=CsrfSettings(form_bytes=20_000))

    assert (reply.status, reply.json) == (200, len(start) + 200_000)


async def test_a_client_that_goes_away_in_the_middle_of_its_form_is_heard_by_nobody() -> None:
    messages = [{"type": "http.request", "body": b"a=1&", "more_body": True}, {"type": "http.disconnect"}]
    sent: list[Any] = []

    async def receive() -> Any:
        return messages.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    raw = [
        (b"host", HOST.encode()),
        (b"cookie", b"__Host-session=cookie-of-ada"),
        (URLENCODED[0].encode(), URLENCODED[1].encode()),
    ]
    await chain()(exchange(method="POST", headers=raw, scheme="https").scope, receive, send)

    assert sent[0]["status"] == 403


async def test_a_search_through_many_small_pieces_stays_linear() -> None:
    pieces = [b'Content-Disposition: form-data; name="csrf_token"\r\n\r'[n % 50 : n % 50 + 1] for n in range(30_000)]

    reply = await post("/raw", MULTIPART, pieces)

    assert code(reply) == NO_TOKEN
