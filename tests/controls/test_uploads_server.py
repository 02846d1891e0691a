"""Uploads through a real server: announced sizes, slow clients, clients that go away, and memory."""

import asyncio
import contextlib
import gc
import tracemalloc
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Annotated

import pytest
from fastapi import Depends, FastAPI
from httpx2 import AsyncClient

from fastness import public, secure
from fastness.chain import Settings
from fastness.controls.uploads import Uploaded, upload
from live import Live, serving, until
from sample_files import BOUNDARY, file_part, form, png

pytestmark = pytest.mark.anyio
GIB = 2**30


def application(folder: Path, *, secured: bool, seconds: float = 30) -> FastAPI:
    app = FastAPI()
    policy = upload(types=["png", "text"], max_bytes="64 MiB", folder=folder, seconds=seconds)

    @app.post("/")
    @public("a test")
    async def take(file: Annotated[Uploaded, Depends(policy)]) -> int:
        return file.size

    if secured:
        secure(app, Settings(environment="development"))
    return app


@pytest.fixture(params=[True, False], ids=["secured", "alone"])
async def live(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Live]:
    async with serving(application(tmp_path, secured=request.param)) as made:
        yield made


def head(length: int | str, *, host: str) -> bytes:
    return (
        f"POST / HTTP/1.1\r\nHost: {host}\r\nContent-Type: multipart/form-data; boundary={BOUNDARY}\r\n"
        + (f"Content-Length: {length}\r\n\r\n" if isinstance(length, int) else f"{length}\r\n\r\n")
    ).encode()  # fmt: skip


async def opened(live: Live) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    host, port = live.host.split(":")
    return await asyncio.open_connection(host, int(port))


def left(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


async def test_an_announced_gigabyte_is_refused_before_it_is_sent(live: Live, tmp_path: Path) -> None:
    reader, writer = await opened(live)
    writer.write(head(GIB, host=live.host))

    answer = await asyncio.wait_for(reader.readuntil(b"\r\n"), 5)

    assert answer.startswith(b"HTTP/1.1 413")
    assert not left(tmp_path)
    writer.close()


async def test_a_gigabyte_that_nobody_announced_is_cut_off(live: Live, tmp_path: Path) -> None:
    reader, writer = await opened(live)
    writer.write(head("Transfer-Encoding: chunked", host=live.host))
    start = form(file_part("a.txt", b""))[: -len(f"\r\n--{BOUNDARY}--\r\n")]
    writer.write(b"%x\r\n%s\r\n" % (len(start), start))
    piece, sent = b"a" * 2**20, 0
    with contextlib.suppress(ConnectionError):
        while sent < 1024 and not reader._buffer:  # type: ignore[attr-defined]
            writer.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            await writer.drain()
            sent += 1

    answer = await asyncio.wait_for(reader.readuntil(b"\r\n"), 5)

    assert answer.startswith(b"HTTP/1.1 413")
    assert 63 < sent < 200
    assert not left(tmp_path)
    writer.close()


async def test_a_client_that_goes_away_leaves_nothing(live: Live, tmp_path: Path) -> None:
    body = form(file_part("a.txt", b"a" * 2**20))
    for share in (0.0, 0.3, 0.9):
        _, writer = await opened(live)
        writer.write(head(len(body), host=live.host) + body[: int(len(body) * share)])
        await writer.drain()
        if share:
            await until(lambda: bool(left(tmp_path)))
        writer.close()

        await until(lambda: not left(tmp_path))


async def test_a_slow_client_is_waited_for(live: Live, tmp_path: Path) -> None:
    body = form(file_part("a.png", png()))
    reader, writer = await opened(live)
    writer.write(head(len(body), host=live.host))
    for place in range(len(body)):
        writer.write(body[place : place + 1])
        await writer.drain()
        await asyncio.sleep(0)

    answer = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)

    assert answer.startswith(b"HTTP/1.1 200")
    assert not left(tmp_path)
    writer.close()


async def test_a_client_that_takes_too_long_is_408(tmp_path: Path) -> None:
    async with serving(application(tmp_path, secured=True, seconds=0.2)) as live:
        reader, writer = await opened(live)
        writer.write(head(1000, host=live.host) + form(file_part("a.txt", b"a"))[:50])

        answer = await asyncio.wait_for(reader.readuntil(b"\r\n"), 5)

        assert answer.startswith(b"HTTP/1.1 408")
        assert not left(tmp_path)
        writer.close()


async def test_a_wrong_type_is_refused_while_the_rest_is_still_to_come(live: Live, tmp_path: Path) -> None:
    body = form(file_part("a.png", b"GIF89a" + b"\0" * 10_000_000))
    reader, writer = await opened(live)
    writer.write(head(len(body), host=live.host) + body[:3000])

    answer = await asyncio.wait_for(reader.readuntil(b"\r\n"), 5)

    assert answer.startswith(b"HTTP/1.1 415")
    assert not left(tmp_path)
    writer.close()


async def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    app = application(tmp_path, secured=True)
    size = 60 * 2**20

    async def pieces() -> AsyncIterator[bytes]:
        whole = form(file_part("a.txt", b"@"))
        before, after = whole.split(b"@")
        yield before
        for _ in range(size // 65_536):
            yield b"a" * 65_536
        yield after

    async with serving(app) as live, AsyncClient(base_url=live.url, timeout=60) as client:
        kind = {"content-type": f"multipart/form-data; boundary={BOUNDARY}"}
        assert (await client.post("/", content=form(file_part("a.txt", b"a")), headers=kind)).json() == 1
        gc.collect()
        tracemalloc.start()
        answer = await client.post("/", content=pieces(), headers=kind)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()

    assert answer.json() == size
    assert peak < 6 * 2**20, f"{peak / 2**20:.1f} MiB for server and client together"
    assert not left(tmp_path)


async def test_a_write_that_begins_after_its_request_was_cancelled_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    late: list[Callable[[], object]] = []

    async def cancelled(step: Callable[..., object], *given: object) -> None:
        late.append(lambda: step(*given))
        raise asyncio.CancelledError

    monkeypatch.setattr("fastness.controls.uploads.intake.to_thread.run_sync", cancelled)
    body = form(file_part("a.txt", b"a" * 700_000))

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(_: object) -> None: ...

    with pytest.raises(asyncio.CancelledError):
        await application(tmp_path, secured=False)(_upload(), receive, send)
    for step in late:
        step()

    assert late
    assert not left(tmp_path)


def _upload() -> dict[str, object]:
    return {
        "type": "http", "method": "POST", "path": "/", "raw_path": b"/", "query_string": b"", "root_path": "",
        "scheme": "http", "http_version": "1.1", "server": ("test", 80), "client": ("127.0.0.1", 1),
        "headers": [(b"content-type", f"multipart/form-data; boundary={BOUNDARY}".encode())],
    }  # fmt: skip


async def test_a_request_that_is_cancelled_at_any_await_leaves_nothing(tmp_path: Path) -> None:
    app = application(tmp_path, secured=False)
    body = form(file_part("a.txt", b"a" * 700_000))
    finished = 0
    for turns in range(120):
        pieces = [body[start : start + 65_536] for start in range(0, len(body), 65_536)]

        async def receive(pieces: list[bytes] = pieces) -> dict[str, object]:
            await asyncio.sleep(0)
            if not pieces:
                await asyncio.Event().wait()
            piece = pieces.pop(0)
            return {"type": "http.request", "body": piece, "more_body": bool(pieces)}

        async def send(_: object) -> None:
            await asyncio.sleep(0)

        task = asyncio.create_task(app(_upload(), receive, send))
        for _ in range(turns):
            await asyncio.sleep(0)
        finished += task.done()
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

        assert not left(tmp_path), turns
    assert finished < 120
