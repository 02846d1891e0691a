"""`serve` waits for nobody forever: slow heads, slow bodies and huge heads end, ordinary requests do not notice."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI, Request, WebSocket
from fastapi.responses import StreamingResponse
from websockets.sync.client import connect

from fastness import Settings, public, secure
from fastness.cli.protocol import PatientProtocol
from fastness.cli.server import options
from proof.advisories.front import listening, said

Where = tuple[str, int]


class Hasty(PatientProtocol):
    head_seconds, period, body_rate, answer_seconds = 0.4, 0.2, 5_000, 0.4


class Steady(PatientProtocol):
    period = 1.0


def application(ended: threading.Event | None = None) -> FastAPI:
    app = FastAPI()
    secure(app, Settings(environment="development"), limits=False)

    @app.post("/raw")
    @public("bytes")
    async def raw(request: Request) -> int:
        return len(await request.body())

    @app.post("/lines")
    @public("what headers there are when the body has been read")
    async def lines(request: Request) -> list[str]:
        await request.body()
        return sorted(Request(request.scope).headers.keys())

    @app.get("/large")
    @public("twenty megabytes")
    async def large() -> StreamingResponse:
        async def parts() -> AsyncIterator[bytes]:
            try:
                for _ in range(20):
                    yield b"x" * 1_000_000
            finally:
                if ended is not None:
                    ended.set()

        return StreamingResponse(parts())

    @app.get("/open")
    @public("a greeting")
    async def greet() -> str:
        return "hello"

    @app.websocket("/socket")
    @public("an echo")
    async def socket(connection: WebSocket) -> None:
        await connection.accept()
        while True:
            await connection.send_text(await connection.receive_text())

    return app


@pytest.fixture(scope="module")
def where() -> Iterator[Where]:
    app = application()
    with listening(app, **{**options(app), "http": Hasty, "log_level": "critical"}) as place:
        yield place


def trickled(where: Where, start: bytes, drop: bytes, *, every: float = 0.05) -> bytes:
    """Send the start, then one drop after the other until the server hangs up, ten seconds at most: what it said."""
    began, answer = time.monotonic(), b""
    with socket.create_connection(where, timeout=5) as caller:
        caller.sendall(start)
        caller.settimeout(every)
        while time.monotonic() - began < 10:
            try:
                part = caller.recv(65_536)
            except TimeoutError:
                try:
                    caller.sendall(drop)
                except OSError:
                    break
                continue
            except OSError:
                break
            if not part:
                break
            answer += part
    return answer


@pytest.mark.parametrize(
    ("start", "drop"),
    [
        (b"", b""),
        (b"G", b"E"),
        (b"GET /open HTTP/1.1\r\nHost: localhost\r\n", b"X-A: b\r\n"),
        (b"GET /open HTTP/1.1\r\nHost: localhost\r\nX-A: ", b"b"),
        (b"GET /open HTTP/1.1\r\nHost: localhost\r\n\r\nGET /open HTTP/1.1\r\nHost", b"t"),
    ],
    ids=["nothing", "a method", "lines", "one line", "the second request"],
)
def test_a_head_that_never_ends_is_408_and_the_connection_is_over(where: Where, start: bytes, drop: bytes) -> None:
    answer = trickled(where, start, drop)

    assert b"HTTP/1.1 408 Request Timeout" in answer or b"400" in answer


def test_a_body_that_trickles_is_408(where: Where) -> None:
    head = b"POST /raw HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n"

    answer = trickled(where, head, b"x")

    assert b"HTTP/1.1 408" in answer
    assert b"request_timeout" in answer


GET_LARGE = b"GET /large HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


def test_an_answer_that_nobody_reads_is_let_go() -> None:
    ended = threading.Event()
    app = application(ended)

    with (
        listening(app, **{**options(app), "http": Hasty, "log_level": "critical"}) as where,
        socket.create_connection(where, timeout=5) as caller,
    ):
        caller.sendall(GET_LARGE)
        assert ended.wait(10)


def test_an_answer_that_is_read_slowly_arrives(where: Where) -> None:
    came = 0
    with socket.create_connection(where, timeout=5) as caller:
        caller.sendall(GET_LARGE)
        while part := caller.recv(1_000_000):
            came += len(part)
            time.sleep(0.05)

    assert came > 20_000_000


def test_a_body_that_is_slow_but_fast_enough_arrives() -> None:
    app = application()

    def parts() -> Iterator[bytes]:
        for _ in range(25):
            time.sleep(0.1)
            yield b"x" * 2_000

    with listening(app, **{**options(app), "http": Steady, "log_level": "critical"}) as where:
        answer = httpx2.post(f"http://{where[0]}:{where[1]}/raw", content=parts(), timeout=30)

    assert answer.json() == 50_000


@pytest.mark.parametrize(
    "head",
    [
        b"X-A: " + b"b" * 10_000_000,
        b"X-A: b\r\n" * 200_000,
        b"".join(b"X-%d: b\r\n" % number for number in range(101)),
        b"Cookie: " + b"a=b; " * 20_000,
    ],
    ids=["one line", "same lines", "101 lines", "a cookie"],
)
def test_a_huge_head_is_431(where: Where, head: bytes) -> None:
    answer = said(where, b"GET /open HTTP/1.1\r\nHost: localhost\r\n" + head + b"\r\n\r\n")

    # A server that hangs up on ten megabytes may reset the connection before its answer is read.
    assert answer[9:12] in {b"431", b""}


def test_requests_that_arrive_together_are_no_large_head(where: Where) -> None:
    one = b"GET /open HTTP/1.1\r\nHost: localhost\r\nX-A: " + b"b" * 500 + b"\r\n\r\n"
    last = one.replace(b"X-A", b"Connection: close\r\nX-A")

    with socket.create_connection(where, timeout=5) as caller:
        for _ in range(4):
            caller.sendall(one * 120 + one[:100])  # 66 KB, and it ends inside of a head
            time.sleep(0.05)  # or the rest of that head is read with it
            caller.sendall(one[100:])
        caller.sendall(last)
        answer = b"".join(iter(lambda: caller.recv(65_536), b""))

    assert answer.count(b"HTTP/1.1 200 OK") == 4 * 121 + 1


def test_a_long_url_counts_as_head(where: Where) -> None:
    answer = said(where, b"GET /open?" + b"a" * 60_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n")

    assert answer[9:12] != b"500"
    assert b"200" not in answer[:20]


CHUNKED = b"POST /lines HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"


def test_a_trailer_is_no_header(where: Where) -> None:
    trailers = b"0\r\nX-Remote-User: root\r\nx_forwarded_for: 1.1.1.1\r\nHost: evil.example\r\n\r\n"

    at_once = said(where, CHUNKED + b"1\r\nx\r\n" + trailers)
    with socket.create_connection(where, timeout=5) as caller:
        caller.sendall(CHUNKED + b"1\r\nx\r\n")
        time.sleep(0.1)  # the request has been judged
        caller.sendall(trailers)
        later = b"".join(iter(lambda: caller.recv(65_536), b""))

    for answer in (at_once, later):
        assert answer.endswith(b'["connection","host","transfer-encoding"]')


@pytest.mark.parametrize(
    "after",
    [
        b"0\r\n" + b"X-A: b\r\n" * 200_000 + b"\r\n",
        b"0\r\nX-A: " + b"b" * 2_000_000 + b"\r\n\r\n",
        b"1;" + b"e" * 2_000_000 + b"\r\nx\r\n0\r\n\r\n",
    ],
    ids=["trailers", "one trailer", "a chunk's extension"],
)
def test_what_a_chunked_body_brings_beside_its_bytes_is_bounded(where: Where, after: bytes) -> None:
    answer = said(where, CHUNKED + b"1\r\nx\r\n" + after)

    assert answer[9:12] in {b"431", b""}


def test_many_small_chunks_are_an_ordinary_body(where: Where) -> None:
    head = CHUNKED.replace(b"/lines", b"/raw")

    answer = said(where, head + b"1\r\nx\r\n" * 100_000 + b"0\r\n\r\n")

    assert answer.endswith(b"100000")


def test_ordinary_requests_and_sockets_do_not_notice(where: Where) -> None:
    lines = {f"X-{number}": "b" for number in range(80)}
    with httpx2.Client(base_url=f"http://{where[0]}:{where[1]}") as client:
        for _ in range(3):
            assert client.get("/open", headers=lines).status_code == 200
            time.sleep(0.5)  # longer than a head may take: an idle connection is no slow one
        assert client.post("/raw", content=b"x" * 900_000).json() == 900_000
    with connect(f"ws://{where[0]}:{where[1]}/socket") as open_socket:
        time.sleep(1.0)
        open_socket.send("still here")
        assert open_socket.recv() == "still here"


def test_serve_uses_it() -> None:
    chosen: Any = options(application())["http"]

    assert chosen is PatientProtocol
    assert (chosen.head_seconds, chosen.head_bytes, chosen.head_lines) == (10.0, 32_768, 100)
    assert chosen.answer_seconds == 60.0
