"""Body limits: with or without Content-Length, in every kind of application, at no cost in memory."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import pytest
from fastapi import Depends, FastAPI, Request, UploadFile
from pydantic import BaseModel, ValidationError

from by_hand import LOCAL, ask, nothing
from fastness.controls.body import Body, BodySettings, body_limit, size
from fastness.core.asgi import alone
from fastness.core.exchange import Exchange, Quiet

pytestmark = pytest.mark.anyio

JSON = (b"content-type", b"application/json")
SMALL = BodySettings(max_bytes=100)


class Item(BaseModel):
    name: str


class Rule(Quiet):
    """Stands for the chain, which compiles a route's declared limit."""

    def __init__(self, limit: int | None) -> None:
        self.body_limit = limit

    def enter(self, exchange: Exchange, /) -> None:
        exchange.rule = self


def build(settings: BodySettings | None = None) -> FastAPI:
    app = FastAPI()

    @app.post("/json")
    async def take(item: Item) -> int:
        return len(item.name)

    @app.post("/raw")
    async def raw(request: Request) -> int:
        return len(await request.body())

    @app.post("/swallow")
    async def swallow(request: Request) -> str:
        try:
            await request.body()
        except Exception:  # noqa: BLE001 - what careless code does
            return "all is well"
        return "read"

    @app.post("/file")
    async def keep(file: UploadFile) -> int | None:
        return file.size

    @app.post("/less", dependencies=[Depends(body_limit(10))])
    async def less(request: Request) -> int:
        return len(await request.body())

    @app.post("/less-json", dependencies=[Depends(body_limit("10 B"))])
    async def less_json(item: Item) -> str:
        return item.name

    if settings is not None:
        app.add_middleware(alone, Body(settings))
    return app


FORM = (b"content-type", b"multipart/form-data; boundary=b")
UPLOAD = b'--b\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n' + b"x" * 200 + b"\r\n--b--\r\n"
LARGE: list[tuple[str, Any, bytes]] = [
    ("/json", JSON, b'{"name": "' + b"x" * 200 + b'"}'),
    ("/raw", JSON, b"x" * 200),
    ("/swallow", JSON, b"x" * 200),
    ("/file", FORM, UPLOAD),
    ("/nowhere", JSON, b"x" * 200),
]


@pytest.mark.parametrize(("path", "kind", "body"), LARGE[:-1])
async def test_a_body_that_grows_too_large_gets_413_whatever_the_application_makes_of_it(
    path: str, kind: Any, body: bytes
) -> None:
    chunks = [body[n : n + 30] for n in range(0, len(body), 30)]

    reply = await ask(build(SMALL), "POST", path, headers=[LOCAL, kind], body=chunks)

    assert (reply.status, reply.json["code"], reply.json["max_bytes"]) == (413, "body_too_large", 100)


@pytest.mark.parametrize(("path", "kind", "body"), LARGE)
async def test_an_announced_large_body_gets_413_before_it_is_read(path: str, kind: Any, body: bytes) -> None:
    length = (b"content-length", str(len(body)).encode())

    reply = await ask(build(SMALL), "POST", path, headers=[LOCAL, kind, length], body=[])

    assert (reply.status, reply.json["code"]) == (413, "body_too_large")


async def test_a_length_that_lies_is_found_out() -> None:
    headers = [LOCAL, JSON, (b"content-length", b"5")]

    assert (await ask(build(SMALL), "POST", "/raw", headers=headers, body=[b"x" * 101])).status == 413


async def test_a_body_of_exactly_the_limit_passes() -> None:
    headers = [LOCAL, JSON, (b"content-length", b"100")]

    assert (await ask(build(SMALL), "POST", "/raw", headers=headers, body=[b"x" * 60, b"x" * 40])).json == 100
    assert (await ask(build(SMALL), "POST", "/raw", headers=headers[:2], body=[b"x" * 100])).json == 100


@pytest.mark.parametrize("length", [b"-1", b"+5", b"1e3", b"0x10", b"5, 5", b"", b" 5", "٥".encode(), b"5.0"])
async def test_a_length_that_is_no_length_gets_400(length: bytes) -> None:
    reply = await ask(alone(nothing, Body()), "POST", headers=[LOCAL, (b"content-length", length)])

    assert (reply.status, reply.json["code"]) == (400, "bad_request")


async def test_two_lengths_get_400_and_an_endless_one_413() -> None:
    app, one = alone(nothing, Body()), (b"content-length", b"2")

    assert (await ask(app, "POST", headers=[LOCAL, one, one])).status == 400
    assert (await ask(app, "POST", headers=[LOCAL, (b"content-length", b"9" * 5000)])).status == 413


@pytest.mark.parametrize(
    ("limit", "sent", "status"), [(500, 200, 200), (500, 501, 413), (10, 11, 413), (None, 101, 413)]
)
async def test_a_routes_own_limit_replaces_the_default(limit: int | None, sent: int, status: int) -> None:
    app = alone(nothing, Rule(limit), Body(SMALL))

    assert (await ask(app, "POST", body=[b"x" * sent])).status == status
    assert (
        await ask(app, "POST", headers=[LOCAL, (b"content-length", b"%d" % sent)], body=[b"x" * sent])
    ).status == status


@pytest.mark.parametrize("settings", [None, SMALL])
async def test_the_dependency_works_without_the_chain(settings: BodySettings | None) -> None:
    app = build(settings)

    for headers in ([LOCAL, JSON, (b"content-length", b"20")], [LOCAL, JSON]):
        assert (await ask(app, "POST", "/less", headers=headers, body=[b"x" * 20])).status == 413
    assert (await ask(app, "POST", "/less", headers=[LOCAL, JSON], body=[b"x" * 10])).json == 10
    assert (await ask(app, "POST", "/less-json", headers=[LOCAL, JSON], body=[b'{"name": "four"}'])).status == 413


async def test_the_dependency_leaves_a_route_with_a_compiled_limit_to_the_chain() -> None:
    app = FastAPI()

    @app.post("/")
    async def take(request: Request, _: Annotated[None, Depends(body_limit(10))]) -> int:
        return len(await request.body())

    reply = await ask(alone(app, Rule(50), Body(SMALL)), "POST", body=[b"x" * 40])

    assert reply.json == 40


def test_sizes_are_read_and_nonsense_is_refused() -> None:
    read = [size(4096), size("0"), size("10 MiB"), size("500kB"), size("1 GiB")]

    assert read == [4096, 0, 10 * 2**20, 500_000, 2**30]
    assert body_limit("10 MiB").max_bytes == 10 * 2**20
    assert BodySettings.model_validate({"max_bytes": "2 MiB"}).max_bytes == 2 * 2**20
    for nonsense in ("", "-1", "ten", "1.5 MiB", "10 MiBs", "1 TiB", "9" * 30):
        with pytest.raises(ValueError, match="not a size"):
            size(nonsense)
    with pytest.raises(ValidationError):
        BodySettings.model_validate({"max_bytes": "much"})


SERVED = """
from fastapi import FastAPI, Request
from fastness.controls.body import Body
from fastness.core.asgi import alone

app = FastAPI()

@app.post("/json")
async def take(given: dict[str, int]) -> int:
    return len(given)

@app.post("/raw")
async def raw(request: Request) -> int:
    return len(await request.body())

app.add_middleware(alone, Body())
"""


@pytest.fixture(scope="module", params=["h11", "httptools"])
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, int]]:
    """A real server: its port and process id."""
    folder = tmp_path_factory.mktemp("served")
    (folder / "served.py").write_text(SERVED)
    command = [sys.executable, "-m", "uvicorn", "served:app", "--port", "0", "--http", request.param]
    with subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as server:
        assert server.stderr is not None
        for line in server.stderr:
            found = re.search(r"running on http://127\.0\.0\.1:(\d+)", line)
            if found:
                break
        else:
            pytest.fail("the server did not start")
        yield int(found[1]), server.pid
        server.terminate()
        server.stderr.read()


def resident(pid: int) -> int:
    """Bytes of memory the process holds."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096


def status_of(link: socket.socket) -> int:
    answer = b""
    while b"\r\n\r\n" not in answer:
        more = link.recv(65536)
        assert more, "the connection was closed without an answer"
        answer += more
    head, _, body = answer.partition(b"\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", head)
    assert length is not None
    while len(body) < int(length[1]):
        body += link.recv(65536)
    return int(head.split()[1])


def post(link: socket.socket, path: str, size_: int, *, chunked: bool, piece: bytes = b"x" * 65536) -> int:
    framing = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {size_}"
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n{framing}\r\n\r\n"
    link.sendall(head.encode())
    for _ in range(size_ // len(piece)):
        link.sendall(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)
    if chunked:
        link.sendall(b"0\r\n\r\n")
    return status_of(link)


@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
@pytest.mark.parametrize("path", ["/json", "/raw"])
def test_100_megabytes_get_413_cost_no_memory_and_leave_the_connection_usable(
    served: tuple[int, int], path: str, *, chunked: bool
) -> None:
    port, pid = served
    with socket.create_connection(("127.0.0.1", port), timeout=60) as link:
        assert post(link, path, 131_072 * 16, chunked=chunked) == 413  # pays for buffers once
    before = resident(pid)

    with socket.create_connection(("127.0.0.1", port), timeout=60) as link:
        assert post(link, path, 65_536 * 1600, chunked=chunked) == 413
        assert post(link, "/raw", 65_536, chunked=False) == 200

    assert resident(pid) - before < 2 * 2**20


def test_a_million_json_keys_get_413(served: tuple[int, int]) -> None:
    body = b"{" + b",".join(b'"%d":1' % n for n in range(10**6)) + b"}"

    with socket.create_connection(("127.0.0.1", served[0]), timeout=60) as link:
        assert post(link, "/json", len(body), chunked=False, piece=body) == 413
