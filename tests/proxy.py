"""A TCP proxy that tests slow down, silence and cut: what a network does to a server that is fine."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field


@dataclass
class Proxy:
    """Carries bytes both ways until told otherwise."""

    target: int
    port: int = 0
    delay: float = 0.0
    """Seconds before each piece from the server is passed on."""
    sent: list[bytes] = field(default_factory=list)
    """What clients sent, as it was read."""
    _flowing: asyncio.Event = field(default_factory=asyncio.Event)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _writers: set[asyncio.StreamWriter] = field(default_factory=set)
    _refusing: bool = False

    def hang(self) -> None:
        """Take connections and bytes, and pass nothing on."""
        self._flowing.clear()

    def flow(self) -> None:
        """Work again, with what was held back."""
        self._refusing = False
        self._flowing.set()

    def cut(self) -> None:
        """Break every connection, and each new one, until it flows again."""
        self._refusing = True
        for writer in self._writers:
            writer.transport.abort()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._refusing:
            writer.transport.abort()
            return
        try:
            there, back = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.transport.abort()
            return
        self._writers |= {writer, back}
        for source, sink, seen in ((reader, back, self.sent), (there, writer, None)):
            task = asyncio.create_task(self._carry(source, sink, seen))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _carry(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, seen: list[bytes] | None) -> None:
        with contextlib.suppress(OSError, asyncio.CancelledError):
            while piece := await source.read(65536):
                if seen is not None:
                    seen.append(piece)
                else:
                    await asyncio.sleep(self.delay)
                await self._flowing.wait()
                sink.write(piece)
                await sink.drain()
        sink.close()

    async def end(self) -> None:
        self.cut()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for writer in self._writers:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


@contextlib.asynccontextmanager
async def proxied(target: int, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[Proxy]:
    """A proxy on a free port of loopback, in front of a port of loopback; with `tls` it speaks TLS to clients."""
    proxy = Proxy(target)
    proxy.flow()
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0, ssl=tls)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        await proxy.end()
