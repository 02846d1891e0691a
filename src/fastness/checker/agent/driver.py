"""Speaks ASGI to the application: its lifespan, requests and WebSocket handshakes. Never a socket."""

from __future__ import annotations

import asyncio
import base64
import time
import traceback
from typing import Any

_KEPT = 512 * 1024
"""Bytes of an answer that are passed on."""
_CHUNK = 64 * 1024
_STOPPING = 3.0


class Driver:
    """One application in one event loop. Between two requests the loop stands still."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self._loop = asyncio.new_event_loop()
        asyncio.set_event_loop(self._loop)
        self._state: dict[str, Any] = {}
        self._incoming: asyncio.Queue[dict[str, Any]] | None = None
        self._life: asyncio.Task[None] | None = None

    def start(self, seconds: float) -> dict[str, Any]:
        """Run the startup half of the lifespan. An application without one is started too."""
        return self._loop.run_until_complete(self._start(seconds))

    def request(self, command: dict[str, Any]) -> dict[str, Any]:
        """One request and its answer; `raised` when the application let an exception out to the server."""
        return self._loop.run_until_complete(self._request(command))

    def websocket(self, command: dict[str, Any]) -> dict[str, Any]:
        """Whether a handshake is accepted; it is closed at once."""
        return self._loop.run_until_complete(self._websocket(command))

    def run(self, work: Any) -> Any:
        """Await something in the application's loop."""
        return self._loop.run_until_complete(work)

    def stop(self) -> None:
        """Run the shutdown half of the lifespan, where it started."""
        if self._life is not None and self._incoming is not None and not self._life.done():
            self._loop.run_until_complete(self._stop(self._incoming, self._life))

    async def _start(self, seconds: float) -> dict[str, Any]:
        self._incoming = asyncio.Queue()
        outgoing: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": self._state}

        async def live() -> None:
            try:
                await self._app(scope, self._incoming.get, outgoing.put)  # type: ignore[union-attr]
            except Exception as error:  # noqa: BLE001 - a server with lifespan=auto goes on without
                await outgoing.put({"type": "raised", "message": _line(error)})

        self._life = asyncio.ensure_future(live())
        await self._incoming.put({"type": "lifespan.startup"})
        try:
            said = await asyncio.wait_for(outgoing.get(), seconds)
        except asyncio.TimeoutError:
            self._life.cancel()
            return {"started": False, "text": f"its startup took longer than {seconds:g} s"}
        return {"started": said["type"] == "lifespan.startup.complete", "text": str(said.get("message", ""))[-2000:]}

    async def _stop(self, incoming: Any, life: Any) -> None:
        await incoming.put({"type": "lifespan.shutdown"})
        await asyncio.wait([life], timeout=_STOPPING)

    async def _request(self, command: dict[str, Any]) -> dict[str, Any]:
        answer: dict[str, Any] = {"status": 0, "headers": [], "raised": "", "cut": False, "taken": 0}
        body, finished = bytearray(), asyncio.Event()
        whole = base64.b64decode(command.get("body", "")) * int(command.get("repeat", 1))
        sent_all = False

        async def receive() -> dict[str, Any]:
            nonlocal sent_all
            if sent_all:
                await finished.wait()
                return {"type": "http.disconnect"}
            chunk = whole[answer["taken"] : answer["taken"] + _CHUNK]
            answer["taken"] += len(chunk)
            sent_all = answer["taken"] >= len(whole)
            return {"type": "http.request", "body": chunk, "more_body": not sent_all}

        async def send(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                answer["status"] = int(message["status"])
                answer["headers"] = [[n.decode("latin-1"), v.decode("latin-1")] for n, v in message.get("headers", ())]
            elif message["type"] == "http.response.body":
                body.extend(message.get("body", b"")[: max(0, _KEPT - len(body))])
                if not message.get("more_body"):
                    answer["seconds"] = time.perf_counter() - began
                    finished.set()

        began, cpu = time.perf_counter(), time.process_time()
        await self._call(_scope("http", command, self._state), receive, send, answer, float(command.get("timeout", 5)))
        answer.setdefault("seconds", time.perf_counter() - began)
        answer["cpu"] = time.process_time() - cpu
        answer["status"] = answer["status"] or (0 if answer["cut"] else 500)
        answer["body"] = base64.b64encode(bytes(body)).decode()
        return answer

    async def _websocket(self, command: dict[str, Any]) -> dict[str, Any]:
        answer: dict[str, Any] = {"accepted": False, "status": 403, "raised": "", "cut": False, "said": ""}
        coming = [{"type": "websocket.connect"}]
        asked = asyncio.Event()

        async def receive() -> dict[str, Any]:
            if coming:
                return coming.pop(0)
            # Something that waits for a first message gets none: an unauthenticated visitor hangs up.
            asked.set()
            return {"type": "websocket.disconnect", "code": 1001}

        async def send(message: dict[str, Any]) -> None:
            kind = message["type"]
            if kind == "websocket.accept":
                answer["accepted"] = True
            elif kind == "websocket.close":
                answer["code"] = message.get("code", 1000)
            elif kind == "websocket.http.response.start":
                answer["status"] = int(message["status"])
            elif kind == "websocket.send":
                answer["said"] = (answer["said"] + str(message.get("text") or ""))[:2000]

        scope = _scope("websocket", command, self._state)
        await self._call(scope, receive, send, answer, float(command.get("timeout", 5)))
        return answer

    async def _call(self, scope: Any, receive: Any, send: Any, answer: dict[str, Any], seconds: float) -> None:
        try:
            await asyncio.wait_for(self._app(scope, receive, send), seconds)
        except asyncio.TimeoutError:
            answer["cut"] = True
        except SystemExit as left:
            answer["raised"] = f"SystemExit: {left.code}"
        except Exception as error:  # noqa: BLE001 - a server would log it
            answer["raised"] = _line(error)


def _scope(kind: str, command: dict[str, Any], state: dict[str, Any]) -> dict[str, Any]:
    path = str(command["path"])
    secure = command.get("scheme", "https") == "https"
    host = next((value for name, value in command.get("headers", ()) if name.lower() == "host"), "localhost")
    scope = {
        "type": kind,
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "scheme": ("https" if secure else "http") if kind == "http" else ("wss" if secure else "ws"),
        "path": _decoded(path),
        "raw_path": path.encode("latin-1", "replace"),
        "query_string": str(command.get("query", "")).encode("latin-1", "replace"),
        "root_path": "",
        "headers": [
            (str(n).lower().encode("latin-1", "replace"), str(v).encode("latin-1", "replace"))
            for n, v in command.get("headers", ())
        ],
        "client": tuple(command.get("client", ("192.0.2.1", 40000))),
        "server": (host, 443 if secure else 80),
        "state": dict(state),
        "extensions": {"websocket.http.response": {}} if kind == "websocket" else {},
    }
    if kind == "http":
        scope["method"] = str(command["method"])
    else:
        scope["subprotocols"] = list(command.get("subprotocols", ()))
    return scope


def _decoded(path: str) -> str:
    from urllib.parse import unquote

    return unquote(path)


def _line(error: BaseException) -> str:
    return "".join(traceback.format_exception_only(type(error), error)).strip()[:600]
