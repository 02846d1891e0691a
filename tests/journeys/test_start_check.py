"""A route that nobody declared stops real servers before anything is answered, and is closed when it comes later."""

from __future__ import annotations

import contextlib
import re
import socket
import subprocess
import time
from pathlib import Path

import httpx2
import pytest

from journeys.servers import PATIENCE, Server, free_port, running

FORGOTTEN = """
from pathlib import Path

from fastapi import APIRouter, FastAPI

from fastness import public, secure

app = FastAPI()
secure(app)


@app.get("/open")
@public("anybody may greet")
async def greet() -> str:
    Path("answered").touch()
    return "the application answered"


inner = APIRouter(prefix="/rooms")


@inner.get("/{room}/door")
async def door(room: str) -> str:
    Path("answered").touch()
    return "the application answered"


outer = APIRouter(prefix="/house")
outer.include_router(inner)
app.include_router(outer)
"""
DECLARED = FORGOTTEN.replace('@inner.get("/{room}/door")\n', '@inner.get("/{room}/door")\n@public("a door for all")\n')
GROWING = """
from fastapi import APIRouter, FastAPI

from fastness import public, secure

app = FastAPI()
secure(app)
late = APIRouter()
app.include_router(late)


@app.post("/grow")
@public("the test asks for one more route")
async def grow() -> None:
    async def door() -> str:
        return "the application answered"

    app.add_api_route("/later", door)
    late.add_api_route("/late", door)
"""
# The control socket is one path for all of a user's gunicorns: those of other tests would wait for it.
GUNICORN = ["gunicorn", "app:app", "-b", "127.0.0.1:{port}", "--no-control-socket"]
COMMANDS = {
    "uvicorn": ["uvicorn", "app:app", "--port", "{port}"],
    "gunicorn": [*GUNICORN, "-k", "uvicorn.workers.UvicornWorker"],
    "gunicorn workers": [*GUNICORN, "-k", "uvicorn.workers.UvicornWorker", "-w", "2"],
    "gunicorn asgi": [*GUNICORN, "-k", "asgi"],
}  # fmt: skip


def knock(port: int, path: str) -> bytes:
    """Whatever a client that asks for `path` hears, nothing included."""
    said = b""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=0.2) as caller:
        caller.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        while part := caller.recv(65_536):
            said += part
    return said


def watch(server: Server, port: int) -> list[bytes]:
    """Knock until the server ends; what was heard.

    Raises:
        AssertionError: it still runs when patience is over.
    """
    heard, deadline = [], time.monotonic() + PATIENCE
    while server.process.poll() is None:
        assert time.monotonic() < deadline, f"still running:\n{server.out}\n{server.err}"
        heard += [answer for path in ("/open", "/house/rooms/1/door") if (answer := knock(port, path))]
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.process.wait(0.02)
    return heard


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_an_undeclared_route_in_an_included_router_stops_the_server(tmp_path: Path, command: list[str]) -> None:
    (tmp_path / "app.py").write_text(FORGOTTEN)
    port = free_port()
    command = [part.format(port=port) for part in command]

    with running(command, tmp_path, environment={"FASTNESS_ENVIRONMENT": "development"}, cwd=tmp_path) as server:
        heard = watch(server, port)

    assert server.process.returncode != 0
    assert "GET /house/rooms/{room}/door" in server.err
    assert "GET /open" not in server.err
    # Two workers that end at the same moment make gunicorn 23 trace its own arbiter.
    assert [file for file in re.findall(r'File "([^"]+)"', server.err) if "gunicorn" not in file] == []
    assert heard == []
    assert not (tmp_path / "answered").exists()


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_the_same_application_serves_once_the_route_is_declared(tmp_path: Path, command: list[str]) -> None:
    (tmp_path / "app.py").write_text(DECLARED)
    port = free_port()
    command = [part.format(port=port) for part in command]

    with running(command, tmp_path, environment={"FASTNESS_ENVIRONMENT": "development"}, cwd=tmp_path) as server:
        server.says(r"(?i)(application startup complete|\[INFO\] Booting worker)")
        deadline = time.monotonic() + 20
        answer = b""
        while b"the application answered" not in answer and time.monotonic() < deadline:
            answer = knock(port, "/house/rooms/1/door")
            time.sleep(0.05)

    assert answer.startswith(b"HTTP/1.1 200")
    assert b"the application answered" in answer
    assert (tmp_path / "answered").exists()


def test_a_route_added_after_the_start_is_closed(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(GROWING)
    command = ["uvicorn", "app:app", "--port", "0"]

    with running(command, tmp_path, environment={"FASTNESS_ENVIRONMENT": "development"}, cwd=tmp_path) as server:
        url = server.answers(r"running on (http://[0-9.:]+)")
        before = [httpx2.get(url + path).status_code for path in ("/late", "/later")]
        grown = httpx2.post(url + "/grow")
        answers = [httpx2.get(url + path) for path in ("/late", "/later")]

    assert (before, grown.status_code) == ([404, 404], 200)
    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(403, "undeclared_route")] * 2
