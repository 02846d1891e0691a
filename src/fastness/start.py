"""The start: everything unsafe is found before the first request, the report says what is on, and the hooks run."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Awaitable, Callable, Sequence
from typing import ClassVar

from fastness.core.errors import Refused, UnsafeConfiguration
from fastness.core.exchange import App, Message, Receive, Scope, Send

Hook = Callable[[], Awaitable[None]]

_log = logging.getLogger("fastness")


class Unsafe(Refused):
    """The configuration is unsafe and nobody could stop the server, so nothing is served."""

    code, status, public = "unsafe_configuration", 503, "The service is not configured safely and does not answer."


class Start:
    """Runs the check, then the hooks, around an application's own lifespan.

    An unsafe configuration answers `lifespan.startup.failed` with the four-part text, so uvicorn and gunicorn exit
    with an error; an exception here would be swallowed by uvicorn's default `lifespan=auto`. A server without lifespan
    gets 503 for every request. Without lifespan the hooks run before the first request. Each life of the server runs
    `on_start` once and then, however it ends, `on_stop`; every one of its hooks runs though another one failed.

    `settled` is told once which application answers from now on, so that later requests need not pass here.
    """

    unsafe: ClassVar[type[Refused]] = Unsafe

    def __init__(
        self,
        app: App,
        *,
        lifespan: App,
        check: Callable[[], list[UnsafeConfiguration]],
        report: Callable[[], str],
        on_start: Sequence[Hook] = (),
        on_stop: Sequence[Hook] = (),
        refuse: App,
        settled: Callable[[App], None] = lambda _: None,
    ) -> None:
        """`app` answers requests, `lifespan` the server's lifespan, and `refuse` everything that must not be served."""
        self._app, self._lives, self._refuse, self._settled = app, lifespan, refuse, settled
        self._check, self._report = check, report
        self._on_start, self._on_stop = on_start, on_stop
        self._serving = self._broken = self._begun = False
        self._lock: asyncio.Lock | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(scope, receive, send)
            return
        if not self._serving:
            await self._begin_late()
        app = self._refuse if self._broken else self._app
        self._settled(app)
        await app(scope, receive, send)

    async def _lifespan(self, scope: Scope, receive: Receive, send: Send) -> None:
        pending: list[Message] = [await receive()]
        await self._end()  # what requests before any lifespan began, perhaps in another event loop
        trouble = await self._begin()
        if trouble:
            await send({"type": "lifespan.startup.failed", "message": trouble})
            return

        late: list[str] = []

        async def first() -> Message:
            if late:
                return {"type": "lifespan.shutdown"}
            return pending.pop() if pending else await receive()

        async def watched(message: Message) -> None:
            if late:
                return  # the server has one answer coming, when the application has cleaned up
            if message["type"] == "lifespan.startup.complete":
                found = self._problems()
                if found:
                    late.append(found)
                    self._broken = True
                    return
                tell(self._report())
            else:
                await self._end()
            await send(message)

        try:
            await self._lives(scope, first, watched)
        finally:
            await self._end()
            if late:
                await send({"type": "lifespan.startup.failed", "message": late[0]})

    async def _begin_late(self) -> None:
        loop = asyncio.get_running_loop()
        if self._lock is None or self._loop is not loop:  # a lock belongs to the loop in which somebody waited for it
            self._loop, self._lock = loop, asyncio.Lock()
        async with self._lock:
            if not self._serving:
                trouble = await self._begin()
                tell(trouble or self._report())

    async def _begin(self) -> str:
        trouble = self._problems()
        if not trouble:
            self._begun = True
            try:
                for hook in self._on_start:
                    await hook()
            except UnsafeConfiguration as problem:
                trouble = str(problem)
            except Exception as error:  # noqa: BLE001 - whatever broke, the start fails with one clear line
                trouble = _failed(error)
            if trouble:
                await self._end()
        self._broken, self._serving = bool(trouble), True
        return trouble

    def _problems(self) -> str:
        try:
            return "\n".join(str(problem) for problem in self._check())
        except Exception as error:  # noqa: BLE001 - raised here, uvicorn would swallow it and serve on
            return _failed(error)

    async def _end(self) -> None:
        self._settled(self)
        if not self._begun:
            return
        self._begun = self._serving = False
        for hook in self._on_stop:
            try:
                await hook()
            except Exception:  # noqa: BLE001 - the other hooks must still run
                _log.exception("a stop hook failed")


def _failed(error: Exception) -> str:
    _log.error("the start failed", exc_info=error)
    return f"fastness: the start failed: {type(error).__name__}; the log has the details"


def tell(text: str) -> None:
    """Show the operator a text: through the log when somebody listens to it, on standard error otherwise."""
    if _log.hasHandlers() and _log.isEnabledFor(logging.INFO):
        _log.info(text)
    else:
        sys.stderr.write(text.rstrip() + "\n")
