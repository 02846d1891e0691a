"""The front door of a small secured application: in process, and behind a real server on loopback."""

# No `from __future__ import annotations`: FastAPI could not resolve the models of the functions below.

import contextlib
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator
from typing import Annotated, Any

import httpx2
import uvicorn
from fastapi import FastAPI, Form, Request

from fastness import CurrentUser, Settings, public, secure
from fastness.chain import Secured


def protected(**parts: Any) -> tuple[FastAPI, Secured]:
    """`/me` needs a caller and names them, `/open` does not and says which path it saw."""
    app = FastAPI()
    parts.setdefault("settings", Settings(environment="development"))
    secured = secure(app, **parts)

    @app.get("/me")
    async def me(user: CurrentUser) -> dict[str, Any]:
        return {"id": user.id, "version": user.version}

    @app.get("/open")
    @public("a greeting")
    async def greet(request: Request) -> str:
        return request.url.path

    return app, secured


def forms() -> FastAPI:
    """One route that reads a form, one that reads bytes; they say how much they got."""
    app = FastAPI()
    secure(app, Settings(environment="development"))

    @app.post("/form")
    @public("a form")
    async def form(a: Annotated[str, Form()]) -> int:
        return len(a)

    @app.post("/raw")
    @public("bytes")
    async def raw(request: Request) -> int:
        return len(await request.body())

    return app


@contextlib.asynccontextmanager
async def visiting(app: Any, **transport: Any) -> AsyncIterator[httpx2.AsyncClient]:
    """A client in the same process."""
    inner = httpx2.ASGITransport(app, raise_app_exceptions=False, **transport)
    async with httpx2.AsyncClient(transport=inner, base_url="http://localhost") as http:
        yield http


@contextlib.contextmanager
def listening(app: Any, **config: Any) -> Iterator[tuple[str, int]]:
    """A uvicorn of this process on a free port of loopback; host and port."""
    config = {"log_level": "critical", "lifespan": "on", **config}
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, **config))
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        deadline = time.monotonic() + 20
        while not server.started:
            assert thread.is_alive()
            assert time.monotonic() < deadline, "the server did not start"
            time.sleep(0.01)
        yield server.servers[0].sockets[0].getsockname()
    finally:
        server.should_exit = True
        thread.join(10)


def said(where: tuple[str, int], request: bytes, *, patience: float = 10, half_close: bool = True) -> bytes:
    """Everything that a server answers to these bytes until it hangs up, or until `patience` seconds of silence.

    Without `half_close` the client goes on listening as one does that has more to say, so that nothing is cut short.
    """
    answer = b""
    with socket.create_connection(where, timeout=patience) as caller:
        # A server that refuses may close before it has all of it; what it said until then is there to be read.
        with contextlib.suppress(OSError):
            caller.sendall(request)
            if half_close:
                caller.shutdown(socket.SHUT_WR)
        with contextlib.suppress(OSError):
            while part := caller.recv(65_536):
                answer += part
    return answer
