"""Requests that no ordinary client makes are refused before a route is looked for; ordinary ones pass."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from by_hand import LOCAL, Pair, Reply, Seen, ask, connect, nothing
from fastness.controls.oddities import Oddities, OdditySettings
from fastness.core.asgi import alone
from fastness.core.errors import UnsafeConfiguration

pytestmark = pytest.mark.anyio

ATTACKS = Path(__file__).parents[1] / "data" / "attacks"


async def sent(raw_path: bytes, **settings: Any) -> Reply:
    """A path as it was on the wire."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await alone(nothing, Oddities(OdditySettings(**settings)))({**scope, "raw_path": raw_path}, receive, send)

    return await ask(app)


async def answer(*headers: Pair, method: str = "GET", **settings: Any) -> Reply:
    return await ask(alone(nothing, Oddities(OdditySettings(**settings))), method, headers=[LOCAL, *headers])


@pytest.mark.parametrize("method", ["TRACE", "TRACK", "CONNECT", "DEBUG", "PROPFIND", "get", "GETS", "G\tT", ""])
async def test_a_method_that_is_not_listed_is_405_and_says_what_is(method: str) -> None:
    reply = await answer(method=method)

    assert (reply.status, reply.json["code"]) == (405, "method_not_allowed")
    assert "GET" in (reply.one("allow") or "")


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "QUERY"])
async def test_an_ordinary_method_passes(method: str) -> None:
    assert (await answer(method=method)).status == 200


@pytest.mark.parametrize(
    "path",
    [
        b"/", b"/a", b"/a/", b"/.well-known/jwks.json", b"/a..b/...", b"/caf%C3%A9", b"/a%20b", b"/100%25", b"/a%3Bb",
        b"/users/48-15;v=1", b"/a@b:c,d=e+f!", b"/%E2%82%AC", b"/a//b", b"/~ada/x_y", b"/a%2Eb", b"/{x}|y",
    ],
)  # fmt: skip
async def test_an_ordinary_path_passes(path: bytes) -> None:
    assert (await sent(path)).status == 200


@pytest.mark.parametrize(
    "path",
    [
        b"/../a", b"/a/..", b"/a/./b", b"/%2e%2e/a", b"/a/%2E%2e", b"/..;/a", b"/a/..;x=1/b", b"/.%2e/", b"/a%2fb",
        b"/a%2F..%2Fb", b"/a%5cb", b"/a\\b", b"/%252e%252e/", b"/a%252fb", b"/a%00", b"/a%0d%0aX:y", b"/a%7f", b"/a\x00b",
        b"/%", b"/%zz", b"/%u000a", b"/%ff", b"/%c0%af", b"/%ed%a0%80", b"/caf\xc3\xa9", b"http://evil.test/", b"*", b"a/b",
        b"evil.test:443",
    ],
)  # fmt: skip
async def test_a_path_that_two_parsers_read_differently_is_400(path: bytes) -> None:
    reply = await sent(path)

    assert (reply.status, reply.json["code"]) == (400, "bad_request")


async def test_an_encoded_slash_passes_where_it_is_allowed_and_dots_behind_it_do_not() -> None:
    assert (await sent(b"/a%2Fb", allow_encoded_slash=True)).status == 200
    assert (await sent(b"/a%2F..%2Fb", allow_encoded_slash=True)).status == 400


async def test_without_a_raw_path_the_decoded_one_is_judged() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        del scope["raw_path"]
        await alone(nothing, Oddities())(scope, receive, send)

    for path, status in (("/café", 200), ("/a b", 200), ("/../a", 400), ("/a\\b", 400), ("/%2e%2e", 400)):
        assert (await ask(app, path=path)).status == status


async def test_no_traversal_of_the_corpus_reaches_a_route_with_its_dots() -> None:
    for line in (ATTACKS / "path_traversal.txt").read_bytes().split(b"\n"):
        raw = b"/" + line.split(b"?")[0].split(b"#")[0].lstrip(b"/")
        if b"/../" in raw or b"\\" in raw or b"%2e%2e%2f" in raw.lower() or b"%00" in raw:
            assert (await sent(raw)).status in {400, 414}, raw


@pytest.mark.parametrize("line", (ATTACKS / "crlf.txt").read_bytes().split(b"\n")[:-1])
async def test_a_line_break_in_a_path_is_refused(line: bytes) -> None:
    assert (await sent(line)).status == 400


async def test_what_is_too_long_is_414_and_431() -> None:
    assert (await sent(b"/" + b"a" * 9000)).status == 414
    assert (await answer(*((b"x-%d" % n, b"v") for n in range(100)))).status == 431
    assert (await answer(*((b"x-a", b"v") for _ in range(100)))).status == 431
    assert (await answer((b"x-a", b"v" * 40_000))).status == 431
    assert (await answer((b"x" * 300, b"v"))).status == 431
    assert (await answer(*((b"x-%d" % n, b"v" * 100) for n in range(90)))).status == 200
    assert (await answer((b"x-a", b"v" * 40_000), (b"x-a", b"v"))).status == 431


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ([(b"transfer-encoding", b"chunked"), (b"content-length", b"4")], 400),
        ([(b"transfer-encoding", b"gzip, chunked")], 400),
        ([(b"transfer-encoding", b"identity")], 400),
        ([(b"transfer-encoding", b"Chunked")], 200),
        ([(b"expect", b"100-Continue")], 200),
        ([(b"expect", b"200-ok")], 417),
        ([(b"range", b"bytes=0-1")], 200),
        ([(b"range", b"bytes=" + b"0-1," * 1000)], 400),
        ([(b"range", b"bytes=" + b"0-1," * 1000), (b"range", b"bytes=0-1")], 400),
        ([(b"expect", b"200-ok"), (b"expect", b"100-continue")], 400),
        ([(b"transfer-encoding", b"gzip"), (b"transfer-encoding", b"chunked")], 400),
    ],
)
async def test_a_header_that_frames_or_bombs_is_judged(headers: list[Pair], status: int) -> None:
    assert (await answer(*headers, method="POST")).status == status
    # The same names again: what was met once is not remembered as harmless.
    control = alone(nothing, Oddities())
    for _ in range(2):
        assert (await ask(control, "POST", headers=[LOCAL, *headers])).status == status


async def test_headers_that_rename_the_request_are_dropped() -> None:
    names: list[bytes] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        names.extend(name for name, _ in scope["headers"])
        await nothing(scope, receive, send)

    renaming = [b"x-http-method-override", b"x-http-method", b"x-method-override", b"x-original-url", b"x-rewrite-url"]
    control = alone(app, Oddities())
    for _ in range(2):
        await ask(control, headers=[LOCAL, *((name, b"/admin") for name in renaming), (b"x-kept", b"1")])

    assert names == [b"host", b"x-kept"] * 2


async def test_a_thousand_guessed_header_names_change_nothing_and_memory_is_bounded() -> None:
    control = Oddities()
    app = alone(nothing, control)
    for name in (ATTACKS / "param_miner_headers.txt").read_bytes().lower().split():
        if name not in {b"expect", b"transfer-encoding"}:
            assert (await ask(app, headers=[LOCAL, (name, b"1")])).status == 200, name
    for number in range(5000):
        await ask(app, headers=[LOCAL, (b"x-%d" % number, b"1")])

    assert len(control._ordinary) <= 4096


async def test_a_websocket_is_judged_too() -> None:
    good = await connect(alone(nothing, Oddities()), headers=[LOCAL, *((b"x-%d" % n, b"v") for n in range(200))])

    assert good[0]["status"] == 431


async def test_a_refusal_is_an_event_and_an_ordinary_request_is_none() -> None:
    seen = Seen()
    app = alone(nothing, Oddities(emit=seen))

    await ask(app)
    await ask(app, "TRACE")

    assert seen.types == ["malicious_request"]


@pytest.mark.parametrize("methods", [(), ("TRACE",), ("get",), ("A B",)])
def test_a_method_that_must_not_be_served_stops_the_start(methods: tuple[str, ...]) -> None:
    with pytest.raises(UnsafeConfiguration):
        Oddities(OdditySettings(methods=methods))
